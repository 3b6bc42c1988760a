//go:build tools

// Package tools pins the emulator of Google Cloud Storage that the tests run against.
package tools

import _ "github.com/fsouza/fake-gcs-server"
