package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/sallyport-auth/sallyport/plugins/sdk"
)

// maxFile bounds the calendar's file, in bytes.
const maxFile = 4 << 20

// settings are the program's section of the configuration.
type settings struct {
	File     string `config:"file"`
	TimeZone string `config:"time_zone"`
}

// calendar knows the holidays of a file, as it is at each call.
type calendar struct {
	path string
	zone *time.Location // nil: that of the login's time

	mu     sync.Mutex
	read   fs.FileInfo // what the events were read from; nil before
	events []event
}

func (c *calendar) configure(_ context.Context, s settings) error {
	if s.File == "" {
		return sdk.ConfigFault("file", "name the .ics file with the holidays")
	}
	if s.TimeZone != "" {
		var err error
		if c.zone, err = time.LoadLocation(s.TimeZone); err != nil {
			return sdk.ConfigFault("time_zone", "%w; write a name such as Europe/Berlin", err)
		}
	}
	c.path = s.File
	if _, err := c.current(); err != nil {
		return sdk.ConfigFault("file", "%w", err)
	}
	return nil
}

// today is the day of a login, where the calendar is.
func (c *calendar) today(login sdk.Facts) (day, error) {
	now, err := time.Parse(time.RFC3339, login.String("now"))
	if err != nil {
		return 0, fmt.Errorf("the time of the login: %w", err)
	}
	if c.zone != nil {
		now = now.In(c.zone)
	}
	return dayOf(now.Date()), nil
}

func (c *calendar) isHoliday(_ context.Context, login sdk.Facts) (bool, error) {
	d, err := c.today(login)
	if err != nil {
		return false, err
	}
	_, is, err := c.find(d)
	return is, err
}

func (c *calendar) holiday(_ context.Context, login sdk.Facts) (string, error) {
	d, err := c.today(login)
	if err != nil {
		return "", err
	}
	name, _, err := c.find(d)
	return name, err
}

func (c *calendar) isHolidayOn(_ context.Context, _ sdk.Facts, date string) (bool, error) {
	at, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return false, fmt.Errorf("date %q: write it as 2026-12-25", date)
	}
	_, is, err := c.find(dayOf(at.Date()))
	return is, err
}

// find looks for a holiday on a day, and for its name.
func (c *calendar) find(d day) (name string, is bool, err error) {
	events, err := c.current()
	if err != nil {
		return "", false, err
	}
	for i := range events {
		if events[i].on(d) {
			return events[i].summary, true, nil
		}
	}
	return "", false, nil
}

// current returns the events of the file, which is read again when it has changed.
// A file that cannot be read is an error, whatever was read before.
func (c *calendar) current() ([]event, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	info, err := os.Stat(c.path)
	if err != nil {
		return nil, fmt.Errorf("read holidays: %w", err)
	}
	if c.read != nil && os.SameFile(info, c.read) && info.ModTime().Equal(c.read.ModTime()) && info.Size() == c.read.Size() {
		return c.events, nil
	}
	c.read, c.events = nil, nil
	text, err := readFile(c.path)
	if err != nil {
		return nil, fmt.Errorf("read holidays: %w", err)
	}
	events, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("read holidays: %s:%w", c.path, err)
	}
	c.read, c.events = info, events
	return events, nil
}

func readFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	var text strings.Builder
	n, err := io.Copy(&text, io.LimitReader(f, maxFile+1))
	if err == nil && n > maxFile {
		err = fmt.Errorf("%s is longer than %d bytes", path, maxFile)
	}
	return text.String(), err
}
