"""Recorded episodes on disk: LeRobotDataset v3.0 written so that no crash loses more than a second. See `layout`."""
