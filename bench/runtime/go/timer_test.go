// SPDX-License-Identifier: MIT
package bench

import (
	"sync"
	"testing"
	"time"
)

func BenchmarkTimerSetStop(b *testing.B) {
	t := time.AfterFunc(time.Hour, func() {})
	for i := 0; i < b.N; i++ {
		t.Reset(time.Hour)
		t.Stop()
	}
}

func BenchmarkAlarmResetStop(b *testing.B) {
	t := time.NewTimer(time.Hour)
	for i := 0; i < b.N; i++ {
		t.Reset(time.Hour)
		t.Stop()
	}
}

func BenchmarkTimeAfterDropped(b *testing.B) {
	for i := 0; i < b.N; i++ {
		time.After(time.Hour)
	}
}

func BenchmarkSleep1ns(b *testing.B) {
	for i := 0; i < b.N; i++ {
		time.Sleep(1)
	}
}

func BenchmarkSleepers100k(b *testing.B) {
	storms(b, func(wg *sync.WaitGroup) {
		time.Sleep(10 * time.Millisecond)
		wg.Done()
	})
}
