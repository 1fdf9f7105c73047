module inspector.test/tar

go 1.19
