"""Charts, reports and other things a plan is shown as."""
