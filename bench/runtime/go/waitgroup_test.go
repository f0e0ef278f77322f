// SPDX-License-Identifier: MIT
package bench

import (
	"sync"
	"testing"
)

func BenchmarkWaitGroup(b *testing.B) {
	var wg sync.WaitGroup
	for i := 0; i < b.N; i++ {
		wg.Add(1)
		wg.Done()
		wg.Wait()
	}
}
