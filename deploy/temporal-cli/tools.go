//go:build tools

// Package tools pins the Temporal CLI (dev server and UI), which `hillock` builds where no other copy is found.
package tools

import _ "github.com/temporalio/cli/cmd/temporal"
