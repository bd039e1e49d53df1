"""What several checks of chapter 09 compare with."""


def stop_ratio(x):
    """1, with the gradient of x: DiCE's magic box."""
    return (x - x.detach()).exp()
