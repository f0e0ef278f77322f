// SPDX-License-Identifier: MIT
package bench

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"
)

func reportLate(b *testing.B, late []int64) {
	slices.Sort(late)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(late[len(late)/2]), "p50-ns")
	b.ReportMetric(float64(late[len(late)*99/100]), "p99-ns")
}

func BenchmarkWakeTimer(b *testing.B) {
	late := make([]int64, b.N)
	for i := range late {
		until := time.Now().Add(time.Millisecond)
		time.Sleep(time.Millisecond)
		late[i] = int64(time.Since(until))
	}
	reportLate(b, late)
}

// The writer's process: TestMain comes here.
func writeStamps(n int) {
	var buf [8]byte
	for i := 0; i < n; i++ {
		syscall.Nanosleep(&syscall.Timespec{Nsec: 1e6}, nil)
		binary.NativeEndian.PutUint64(buf[:], uint64(time.Now().UnixNano()))
		if _, err := syscall.Write(1, buf[:]); err != nil {
			return
		}
	}
}

func followWriter(b *testing.B, read func(r *os.File, buf []byte) error) {
	late := make([]int64, b.N)
	r, w, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	writer := exec.Command(os.Args[0])
	writer.Env = append(os.Environ(), fmt.Sprintf("BENCH_WRITER=%d", b.N))
	writer.Stdout = w
	if err := writer.Start(); err != nil {
		b.Fatal(err)
	}
	w.Close()
	var buf [8]byte
	for i := range late {
		if err := read(r, buf[:]); err != nil {
			b.Fatal(err)
		}
		late[i] = time.Now().UnixNano() - int64(binary.NativeEndian.Uint64(buf[:]))
	}
	r.Close()
	writer.Wait()
	reportLate(b, late)
}

func BenchmarkWakePipe(b *testing.B) {
	followWriter(b, func(r *os.File, buf []byte) error {
		_, err := r.Read(buf)
		return err
	})
}

func BenchmarkWakeThread(b *testing.B) {
	followWriter(b, func(r *os.File, buf []byte) error {
		_, err := syscall.Read(int(r.Fd()), buf) // Fd() makes it block
		return err
	})
}
