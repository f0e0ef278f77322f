// SPDX-License-Identifier: MIT
package bench

import (
	"sync"
	"testing"
)

func BenchmarkMutex(b *testing.B) {
	var m sync.Mutex
	for i := 0; i < b.N; i++ {
		m.Lock()
		m.Unlock()
	}
}

func addAmong(b *testing.B, goroutines int) {
	var m sync.Mutex
	var wg sync.WaitGroup
	sum := int64(0)
	defer reportCPU(b)()
	wg.Add(goroutines)
	for g := 0; g < goroutines; g++ {
		n := share(b.N, g, goroutines)
		go func() {
			for i := 0; i < n; i++ {
				m.Lock()
				sum++
				m.Unlock()
			}
			wg.Done()
		}()
	}
	wg.Wait()
}

func BenchmarkMutexContended2(b *testing.B) { addAmong(b, 2) }
func BenchmarkMutexContended8(b *testing.B) { addAmong(b, 8) }

func BenchmarkRWMutexRead(b *testing.B) {
	var m sync.RWMutex
	for i := 0; i < b.N; i++ {
		m.RLock()
		m.RUnlock()
	}
}

func BenchmarkRWMutexRead8(b *testing.B) {
	var m sync.RWMutex
	var wg sync.WaitGroup
	defer reportCPU(b)()
	wg.Add(8)
	for g := 0; g < 8; g++ {
		n := share(b.N, g, 8)
		go func() {
			for i := 0; i < n; i++ {
				m.RLock()
				m.RUnlock()
			}
			wg.Done()
		}()
	}
	wg.Wait()
}
