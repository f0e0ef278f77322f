// SPDX-License-Identifier: MIT
package bench

import (
	"context"
	"testing"
	"time"
)

func BenchmarkContextCancel(b *testing.B) {
	parent, end := context.WithCancel(context.Background())
	defer end()
	for i := 0; i < b.N; i++ {
		_, cancel := context.WithCancel(parent)
		cancel()
	}
}

func BenchmarkContextDeadline(b *testing.B) {
	parent, end := context.WithCancel(context.Background())
	defer end()
	when := time.Now().Add(time.Hour)
	for i := 0; i < b.N; i++ {
		_, cancel := context.WithDeadline(parent, when)
		cancel()
	}
}

func BenchmarkContextCancel1000(b *testing.B) {
	var child [1000]context.Context
	var cancel [1000]context.CancelFunc
	for i := 0; i < b.N; i++ {
		parent, end := context.WithCancel(context.Background())
		for k := range child {
			child[k], cancel[k] = context.WithCancel(parent)
			if len(child[k].Done()) != 0 {
				b.Fatal("a done channel holds something")
			}
		}
		end()
		for k := range cancel {
			cancel[k]()
		}
	}
}

func BenchmarkContextAfter(b *testing.B) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	nothing := func() {}
	for i := 0; i < b.N; i++ {
		context.AfterFunc(ctx, nothing)()
	}
}
