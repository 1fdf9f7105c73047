// Command tar lists tars as engines read them: by Go's archive/tar, with the data of files read to their end.
//
// It takes any number of tars on standard input, each behind its length in four bytes (big-endian), and answers
// each with one line of JSON: the members up to the end or the first error, and that error. Names and values are
// bytes, in base64.
package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"io"
	"log"
	"os"
	"sort"
	"strings"
)

// mostRead is the size up to which a file is read: a sparse one may claim to be of any size.
const mostRead = 1 << 20

const xattr = "SCHILY.xattr."

type member struct {
	Name    []byte      `json:"name"`
	Link    []byte      `json:"link"`
	Type    int         `json:"type"`
	Size    int64       `json:"size"`
	Mode    int64       `json:"mode"`
	UID     int         `json:"uid"`
	GID     int         `json:"gid"`
	Xattrs  [][2][]byte `json:"xattrs"`
	CRC     uint32      `json:"crc"`     // of a file's data
	Unread  bool        `json:"unread"`  // larger than mostRead, so an error in its data was not met
	Refused bool        `json:"refused"` // dockerd and containerd answer "unhandled tar header type"
}

type listing struct {
	Members []member `json:"members"`
	Error   string   `json:"error"`
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	answers := json.NewEncoder(out)
	for {
		var size uint32
		if err := binary.Read(in, binary.BigEndian, &size); err == io.EOF {
			break
		} else if err != nil {
			log.Fatal(err)
		}
		content := make([]byte, size)
		if _, err := io.ReadFull(in, content); err != nil {
			log.Fatal(err)
		}
		if err := answers.Encode(list(content)); err != nil {
			log.Fatal(err)
		}
		if in.Buffered() == 0 { // the other side waits
			if err := out.Flush(); err != nil {
				log.Fatal(err)
			}
		}
	}
	if err := out.Flush(); err != nil {
		log.Fatal(err)
	}
}

func list(content []byte) listing {
	found := listing{Members: []member{}}
	reader := tar.NewReader(struct{ io.Reader }{bytes.NewReader(content)}) // a stream, as engines have it
	for {
		header, err := reader.Next()
		if err == io.EOF {
			return found
		}
		if err == nil {
			described := describe(header)
			if header.Typeflag == tar.TypeReg && !described.Unread {
				sum := crc32.NewIEEE()
				_, err = io.Copy(sum, reader)
				described.CRC = sum.Sum32()
			}
			found.Members = append(found.Members, described)
		}
		if err != nil {
			found.Error = err.Error()
			return found
		}
	}
}

func describe(header *tar.Header) member {
	return member{
		Name: []byte(header.Name), Link: []byte(header.Linkname), Type: int(header.Typeflag), Size: header.Size,
		Mode: header.Mode, UID: header.Uid, GID: header.Gid, Xattrs: xattrs(header.PAXRecords),
		Unread:  header.Typeflag == tar.TypeReg && header.Size > mostRead,
		Refused: !strings.ContainsRune("0123456g", rune(header.Typeflag)),
	}
}

// xattrs gives the records that later engines set as attributes, the empty ones too, by name.
func xattrs(records map[string]string) [][2][]byte {
	found := [][2][]byte{}
	for key, value := range records {
		if strings.HasPrefix(key, xattr) {
			found = append(found, [2][]byte{[]byte(strings.TrimPrefix(key, xattr)), []byte(value)})
		}
	}
	sort.Slice(found, func(i, j int) bool { return bytes.Compare(found[i][0], found[j][0]) < 0 })
	return found
}
