"""What follows a decision: cases, messages to cardholder and team, verdicts back to the stream."""
