package admin

import (
	"context"
	"errors"
	"time"

	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/live"
)

// The time after which a text that found the queue full asks again: short, so that
// it finds the places that come free between those who come, and growing, so that a
// long jam costs next to nothing.
const (
	firstPause   = 5 * time.Millisecond
	longestPause = 50 * time.Millisecond
)

// lanesOf is how many texts of batches a generation classifies at once: one for
// each slot, but where the queue is shorter than that no more than half of those
// whom the classifier lets in, so that the other door finds places too.
func lanesOf(gen *live.Generation) int {
	slots := max(gen.Slots, 1)
	return min(slots, max((slots+gen.Config.Classify.Queue)/2, 1))
}

// classifyInTurn is Classify for a text that can wait: one that finds the queue full
// asks again until a deadline has passed. Only when it is let in its own begins.
// Who waits holds no place, so the requests of the other door go first.
func classifyInTurn(ctx context.Context, gen *live.Generation, text string) (classify.Result, error) {
	waiting, cancel := context.WithTimeout(ctx, gen.Config.Classify.Deadline)
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		res, err := gen.Classifier.Classify(ctx, text)
		if !errors.Is(err, classify.ErrQueueFull) || !sleep(waiting, pause) {
			return res, err
		}
	}
}

// sleep says whether it slept to the end.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
