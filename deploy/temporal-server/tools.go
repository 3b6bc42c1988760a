//go:build tools

// Package tools pins the Temporal server and the tool that makes its tables, which `make cluster` runs on PostgreSQL.
package tools

import (
	_ "go.temporal.io/server/cmd/server"
	_ "go.temporal.io/server/cmd/tools/sql"
)
