// SPDX-License-Identifier: MIT
//
// The Go twins of bench/runtime/*.c: a file for each of theirs, the same names, the same work.
//
//	go test -bench . bench/runtime/go/*_test.go
package bench

import (
	"os"
	"strconv"
	"syscall"
	"testing"
)

func TestMain(m *testing.M) {
	if n, err := strconv.Atoi(os.Getenv("BENCH_WRITER")); err == nil {
		writeStamps(n)
		return
	}
	os.Exit(m.Run())
}

func cpu() int64 {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		panic(err)
	}
	return r.Utime.Nano() + r.Stime.Nano()
}

// Adds the CPU time of the whole process, from here to the call of what it returns.
func reportCPU(b *testing.B) func() {
	before := cpu()
	return func() {
		b.ReportMetric(float64(cpu()-before)/float64(b.N), "cpu-ns/op")
	}
}

// The size of a crowd: full, or what BENCH_DIVIDE leaves of it.
func crowd(full int) int {
	by, err := strconv.Atoi(os.Getenv("BENCH_DIVIDE"))
	if err != nil {
		by = 1
	}
	return max(full/by, 1)
}

// The share of worker i of `workers` in n.
func share(n, i, workers int) int {
	if i < n%workers {
		return n/workers + 1
	}
	return n / workers
}
