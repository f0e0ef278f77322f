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
	"unsafe"
)

func reportLate(b *testing.B, late []int64) {
	slices.Sort(late)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(late[len(late)/2]), "p50-ns")
	b.ReportMetric(float64(late[len(late)*99/100]), "p99-ns")
}

func BenchmarkWakeTimer(b *testing.B) {
	late := make([]int64, b.N)
	defer reportCPU(b)()
	for i := range late {
		until := time.Now().Add(time.Millisecond)
		time.Sleep(time.Millisecond)
		late[i] = int64(time.Since(until))
	}
	reportLate(b, late)
}

// The writer's process: TestMain comes here. Raw system calls, of which the scheduler knows nothing: it would keep the machine awake.
func writeStamps(n int) {
	var stamp int64
	ms := syscall.Timespec{Nsec: 1e6}
	for i := 0; i < n; i++ {
		syscall.RawSyscall(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ms)), 0, 0)
		stamp = time.Now().UnixNano()
		if _, _, err := syscall.RawSyscall(syscall.SYS_WRITE, 1, uintptr(unsafe.Pointer(&stamp)), 8); err != 0 {
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
	report := reportCPU(b)
	for i := range late {
		if err := read(r, buf[:]); err != nil {
			b.Fatal(err)
		}
		late[i] = time.Now().UnixNano() - int64(binary.NativeEndian.Uint64(buf[:]))
	}
	report()
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

func readDirectly(r *os.File, buf []byte) error {
	_, err := syscall.Read(int(r.Fd()), buf) // Fd() makes it block
	return err
}

func BenchmarkWakeThread(b *testing.B)   { followWriter(b, readDirectly) }
func BenchmarkWakeBlocking(b *testing.B) { followWriter(b, readDirectly) }
