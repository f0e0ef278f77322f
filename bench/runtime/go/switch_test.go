// SPDX-License-Identifier: MIT
package bench

import (
	"runtime"
	"sync"
	"testing"
)

func yieldAmong(b *testing.B, goroutines int) {
	var wg sync.WaitGroup
	wg.Add(goroutines)
	for g := 0; g < goroutines; g++ {
		n := share(b.N, g, goroutines)
		go func() {
			for i := 0; i < n; i++ {
				runtime.Gosched()
			}
			wg.Done()
		}()
	}
	wg.Wait()
}

func BenchmarkYield2(b *testing.B)    { yieldAmong(b, 2) }
func BenchmarkYield1000(b *testing.B) { yieldAmong(b, 1000) }
