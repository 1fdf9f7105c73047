// Decodes documents of images by encoding/json into the fields that moby and containerd decode them into.
//
// Input: for each document a line "kind length", then so many bytes. Output: a line of JSON for each document, a list
// of readings, one for each engine that reads such a document: {"engine", "error"} or {"engine", "document"}.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"
)

type words []string

// UnmarshalJSON takes a list of words, or one word by itself, as Docker's StrSlice does.
func (w *words) UnmarshalJSON(content []byte) error {
	list := make([]string, 0, 1)
	if err := json.Unmarshal(content, &list); err != nil {
		var one string
		if err := json.Unmarshal(content, &one); err != nil {
			return err
		}
		list = append(list, one)
	}
	*w = list
	return nil
}

type platform struct {
	Architecture string   `json:"architecture"`
	OS           string   `json:"os"`
	OSVersion    string   `json:"os.version,omitempty"`
	OSFeatures   []string `json:"os.features,omitempty"`
	Variant      string   `json:"variant,omitempty"`
}

type descriptor struct {
	MediaType    string            `json:"mediaType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"`
	URLs         []string          `json:"urls,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	Data         []byte            `json:"data,omitempty"`
	Platform     *platform         `json:"platform,omitempty"`
	ArtifactType string            `json:"artifactType,omitempty"`
}

type manifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType,omitempty"`
	ArtifactType  string            `json:"artifactType,omitempty"`
	Config        descriptor        `json:"config"`
	Layers        []descriptor      `json:"layers"`
	Subject       *descriptor       `json:"subject,omitempty"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

type index struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType,omitempty"`
	ArtifactType  string            `json:"artifactType,omitempty"`
	Manifests     []descriptor      `json:"manifests"`
	Subject       *descriptor       `json:"subject,omitempty"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

// The manifest list of Docker's distribution, whose platform is no pointer.
type listed struct {
	MediaType   string            `json:"mediaType,omitempty"`
	Size        int64             `json:"size,omitempty"`
	Digest      string            `json:"digest,omitempty"`
	URLs        []string          `json:"urls,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Platform    struct {
		platform
		Features []string `json:"features,omitempty"`
	} `json:"platform"`
}

type manifestList struct {
	SchemaVersion int      `json:"schemaVersion"`
	MediaType     string   `json:"mediaType,omitempty"`
	Manifests     []listed `json:"manifests"`
}

type shape struct {
	MediaType string          `json:"mediaType,omitempty"`
	Config    json.RawMessage `json:"config,omitempty"`
	Layers    json.RawMessage `json:"layers,omitempty"`
	Manifests json.RawMessage `json:"manifests,omitempty"`
	FSLayers  json.RawMessage `json:"fsLayers,omitempty"`
}

type health struct {
	Test          []string
	Interval      time.Duration
	Timeout       time.Duration
	StartPeriod   time.Duration
	StartInterval time.Duration
	Retries       int
}

type dockerConfig struct {
	Hostname        string
	Domainname      string
	User            string
	AttachStdin     bool
	AttachStdout    bool
	AttachStderr    bool
	ExposedPorts    map[string]struct{}
	Tty             bool
	OpenStdin       bool
	StdinOnce       bool
	Env             []string
	Cmd             words
	Healthcheck     *health
	ArgsEscaped     bool
	Image           string
	Volumes         map[string]struct{}
	WorkingDir      string
	Entrypoint      words
	NetworkDisabled bool
	MacAddress      string
	OnBuild         []string
	Labels          map[string]string
	StopSignal      string
	StopTimeout     *int
	Shell           words
}

type history struct {
	Created    *time.Time `json:"created,omitempty"`
	CreatedBy  string     `json:"created_by,omitempty"`
	Author     string     `json:"author,omitempty"`
	Comment    string     `json:"comment,omitempty"`
	EmptyLayer bool       `json:"empty_layer,omitempty"`
}

type rootFS struct {
	Type    string   `json:"type"`
	DiffIDs []string `json:"diff_ids"`
}

type dockerImage struct {
	ID              string        `json:"id,omitempty"`
	Parent          string        `json:"parent,omitempty"`
	Comment         string        `json:"comment,omitempty"`
	Created         *time.Time    `json:"created"`
	Container       string        `json:"container,omitempty"`
	ContainerConfig dockerConfig  `json:"container_config"`
	DockerVersion   string        `json:"docker_version,omitempty"`
	Author          string        `json:"author,omitempty"`
	Config          *dockerConfig `json:"config,omitempty"`
	Architecture    string        `json:"architecture,omitempty"`
	Variant         string        `json:"variant,omitempty"`
	OS              string        `json:"os,omitempty"`
	Size            int64         `json:",omitempty"`
	RootFS          *rootFS       `json:"rootfs,omitempty"`
	History         []history     `json:"history,omitempty"`
	OSVersion       string        `json:"os.version,omitempty"`
	OSFeatures      []string      `json:"os.features,omitempty"`
}

type specConfig struct {
	User         string
	ExposedPorts map[string]struct{}
	Env          []string
	Entrypoint   []string
	Cmd          []string
	Volumes      map[string]struct{}
	WorkingDir   string
	Labels       map[string]string
	StopSignal   string
	ArgsEscaped  bool
	Healthcheck  *health
	OnBuild      []string
	Shell        []string
}

type specImage struct {
	Created *time.Time `json:"created,omitempty"`
	Author  string     `json:"author,omitempty"`
	platform
	Config  specConfig `json:"config,omitempty"`
	RootFS  rootFS     `json:"rootfs"`
	History []history  `json:"history,omitempty"`
}

type item struct {
	Config       string
	RepoTags     []string
	Layers       []string
	Parent       string
	LayerSources map[string]descriptor
}

type shortItem struct {
	Config   string
	RepoTags []string
	Layers   []string
}

type layout struct {
	Version string `json:"imageLayoutVersion"`
}

type seen map[string]any

func keys(volumes map[string]struct{}) []string {
	names := []string{}
	for name := range volumes {
		names = append(names, name)
	}
	return names
}

func seenRun(env, entrypoint, cmd []string, workingDir, user string, labels map[string]string, volumes []string) seen {
	return seen{"env": env, "entrypoint": entrypoint, "cmd": cmd, "working_dir": workingDir, "user": user,
		"labels": labels, "volumes": volumes}
}

func seenSteps(steps []history) []seen {
	list := []seen{}
	for _, step := range steps {
		list = append(list, seen{"created_by": step.CreatedBy, "comment": step.Comment, "empty": step.EmptyLayer})
	}
	return list
}

func docker(content []byte) (seen, error) {
	var image dockerImage
	if err := json.Unmarshal(content, &image); err != nil {
		return nil, err
	}
	if image.RootFS == nil {
		return nil, fmt.Errorf("no root file system")
	}
	config := image.Config
	if config == nil {
		config = &dockerConfig{}
	}
	return seen{"os": image.OS, "architecture": image.Architecture, "variant": image.Variant,
		"run": seenRun(config.Env, config.Entrypoint, config.Cmd, config.WorkingDir, config.User, config.Labels,
			keys(config.Volumes)),
		"type": image.RootFS.Type, "diff_ids": image.RootFS.DiffIDs, "history": seenSteps(image.History)}, nil
}

func spec(content []byte) (seen, error) {
	var image specImage
	if err := json.Unmarshal(content, &image); err != nil {
		return nil, err
	}
	config := image.Config
	return seen{"os": image.OS, "architecture": image.Architecture, "variant": image.Variant,
		"run": seenRun(config.Env, config.Entrypoint, config.Cmd, config.WorkingDir, config.User, config.Labels,
			keys(config.Volumes)),
		"type": image.RootFS.Type, "diff_ids": image.RootFS.DiffIDs, "history": seenSteps(image.History)}, nil
}

func seenDescriptor(one descriptor) seen {
	p := platform{}
	if one.Platform != nil {
		p = *one.Platform
	}
	return seen{"digest": one.Digest, "size": one.Size, "media_type": one.MediaType, "data": one.Data,
		"artifact_type": one.ArtifactType, "annotations": one.Annotations, "urls": one.URLs,
		"platform": []string{p.OS, p.Architecture, p.Variant, p.OSVersion}}
}

func seenAll(descriptors []descriptor) []seen {
	list := []seen{}
	for _, one := range descriptors {
		list = append(list, seenDescriptor(one))
	}
	return list
}

func asManifest(content []byte) (seen, error) {
	var form shape
	if err := json.Unmarshal(content, &form); err != nil {
		return nil, err
	}
	if len(form.FSLayers) != 0 || len(form.Manifests) != 0 {
		return nil, fmt.Errorf("no manifest")
	}
	var document manifest
	if err := json.Unmarshal(content, &document); err != nil {
		return nil, err
	}
	return seen{"kind": "manifest", "media_type": document.MediaType, "config": seenDescriptor(document.Config),
		"layers": seenAll(document.Layers)}, nil
}

func asIndex(content []byte) (seen, error) {
	var form shape
	if err := json.Unmarshal(content, &form); err != nil {
		return nil, err
	}
	if len(form.FSLayers) != 0 || len(form.Config) != 0 || len(form.Layers) != 0 {
		return nil, fmt.Errorf("no index")
	}
	var document index
	if err := json.Unmarshal(content, &document); err != nil {
		return nil, err
	}
	return seen{"kind": "index", "media_type": document.MediaType, "manifests": seenAll(document.Manifests)}, nil
}

func asList(content []byte) (seen, error) {
	if _, err := asIndex(content); err != nil {
		return nil, err
	}
	var document manifestList
	if err := json.Unmarshal(content, &document); err != nil {
		return nil, err
	}
	list := []seen{}
	for _, one := range document.Manifests {
		p := one.Platform.platform
		list = append(list, seen{"digest": one.Digest, "size": one.Size, "media_type": one.MediaType,
			"annotations": one.Annotations, "urls": one.URLs,
			"platform": []string{p.OS, p.Architecture, p.Variant, p.OSVersion}})
	}
	return seen{"kind": "index", "media_type": document.MediaType, "manifests": list}, nil
}

func asItems(content []byte) (seen, error) {
	var items []item
	if err := json.NewDecoder(bytes.NewReader(content)).Decode(&items); err != nil {
		return nil, err
	}
	if items == nil {
		return nil, fmt.Errorf("null")
	}
	list := []seen{}
	for _, one := range items {
		list = append(list, seen{"config": one.Config, "tags": one.RepoTags, "layers": one.Layers})
	}
	return seen{"items": list}, nil
}

func asShortItems(content []byte) (seen, error) {
	var items []shortItem
	if err := json.NewDecoder(bytes.NewReader(content)).Decode(&items); err != nil {
		return nil, err
	}
	if items == nil {
		return nil, fmt.Errorf("null")
	}
	list := []seen{}
	for _, one := range items {
		list = append(list, seen{"config": one.Config, "tags": one.RepoTags, "layers": one.Layers})
	}
	return seen{"items": list}, nil
}

func asLayout(content []byte) (seen, error) {
	var document layout
	err := json.NewDecoder(bytes.NewReader(content)).Decode(&document)
	return seen{"version": document.Version}, err
}

type reader struct {
	engine string
	read   func([]byte) (seen, error)
}

var readers = map[string][]reader{
	"config":   {{"moby", docker}, {"containerd", spec}},
	"manifest": {{"containerd", asManifest}, {"containerd", asIndex}, {"moby", asList}},
	"items":    {{"moby", asItems}, {"containerd", asShortItems}},
	"layout":   {{"containerd", asLayout}},
}

func main() {
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for {
		var kind string
		var length int
		if _, err := fmt.Fscanf(in, "%s %d\n", &kind, &length); err != nil {
			return
		}
		content := make([]byte, length)
		if _, err := io.ReadFull(in, content); err != nil {
			panic(err)
		}
		readings := []seen{}
		for _, one := range readers[kind] {
			document, err := one.read(content)
			if err != nil {
				readings = append(readings, seen{"engine": one.engine, "error": err.Error()})
			} else {
				readings = append(readings, seen{"engine": one.engine, "document": document})
			}
		}
		line, err := json.Marshal(readings)
		if err != nil {
			panic(err)
		}
		out.Write(append(line, '\n'))
	}
}
