"""What chapter 13's audit of Meta-World found, for readers who have not installed it."""

RECORD = {
    "train": {"of train": 0, "of test": 50, "reward": "v2", "ends at success": True},
    "test": {"of train": 0, "of test": 50, "reward": "v2", "ends at success": True},
}
"""By the name that was asked for, "Meta-World/ML1-train" or "…-test": how many of the 50 training and of the 50 test
goals of reach-v3 it serves, the reward's version, and whether an episode ends at a success"""
VERSIONS = {"metaworld": "3.1.1", "gymnasium": "1.4.0", "mujoco": "3.3.0"}
DATE = "November 2026"
