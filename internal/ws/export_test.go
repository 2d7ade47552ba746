package ws

// SendNow is Send and Flush.
func (c *Conn) SendNow(f Frame) error {
	if err := c.Send(f); err != nil {
		return err
	}
	c.Flush()
	return nil
}
