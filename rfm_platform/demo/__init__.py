"""Data marts to try the platform on: a year of real orders, or as many invented ones as you like.

`completejourney` loads the real ones, `synthetic` the invented ones; `mart` makes the tables;
`campaigns` writes the calendar of what the real shop sent to whom.
Nothing here is needed in production, and nothing here touches a mart that no demo has made.
"""

from rfm_platform.demo.mart import Loaded, Progress

__all__ = ["Loaded", "Progress"]
