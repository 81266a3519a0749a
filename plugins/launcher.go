package plugins

import (
	"errors"
	"os/exec"
	"runtime"
	"sync"
)

// launcher starts processes from one goroutine that keeps its thread for life:
// Linux kills a child with Pdeathsig when the thread that forked it ends, and
// the Go runtime ends threads as it likes.
type launcher struct {
	requests chan launchRequest
	quit     chan struct{}
	done     sync.WaitGroup
}

type launchRequest struct {
	cmd   *exec.Cmd
	reply chan error
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
				r.reply <- restricted
				continue
			}
			r.reply <- r.cmd.Start()
		case <-l.quit:
			return
		}
	}
}

// start starts a process.
func (l *launcher) start(cmd *exec.Cmd) error {
	r := launchRequest{cmd, make(chan error, 1)}
	select {
	case l.requests <- r:
		return <-r.reply
	case <-l.quit:
		return errors.New("the plugin host is closed")
	}
}

// close ends the thread. Call it when all processes are gone.
func (l *launcher) close() {
	close(l.quit)
	l.done.Wait()
}
