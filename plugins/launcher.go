package plugins

import (
	"errors"
	"os/exec"
	"runtime"
	"sync"
)

// limits bound what a process may have.
type limits struct {
	memory uint64 // bytes
	files  uint64
}

// launcher starts processes from one goroutine that keeps its thread for life:
// Linux sends a child its Pdeathsig when the thread that forked it ends, lets only
// that thread trace it, and the Go runtime ends threads as it likes.
type launcher struct {
	requests chan launchRequest
	quit     chan struct{}
	done     sync.WaitGroup
}

type launchRequest struct {
	command func() *exec.Cmd
	limits  limits
	reply   chan launched
}

type launched struct {
	cmd *exec.Cmd
	err error
}

func newLauncher() *launcher {
	l := &launcher{requests: make(chan launchRequest), quit: make(chan struct{})}
	l.done.Go(l.run)
	return l
}

func (l *launcher) run() {
	runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
	restricted := restrictThread()
	for {
		select {
		case r := <-l.requests:
			if restricted != nil {
				r.reply <- launched{err: restricted}
				continue
			}
			cmd, err := startLimited(r.command, r.limits)
			r.reply <- launched{cmd, err}
		case <-l.quit:
			return
		}
	}
}

// start starts a process, which is limited before its first instruction. The
// command may be made more than once.
func (l *launcher) start(command func() *exec.Cmd, limits limits) (*exec.Cmd, error) {
	r := launchRequest{command, limits, make(chan launched, 1)}
	select {
	case l.requests <- r:
		answer := <-r.reply
		return answer.cmd, answer.err
	case <-l.quit:
		return nil, errors.New("the plugin host is closed")
	}
}

// close ends the thread. Call it when all processes are gone.
func (l *launcher) close() {
	close(l.quit)
	l.done.Wait()
}
