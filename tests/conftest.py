"""For tests that start Java: their machines live for seconds, and with the first compiler alone they start with half the work."""

import os

os.environ["JAVA_TOOL_OPTIONS"] = "-XX:TieredStopAtLevel=1"
