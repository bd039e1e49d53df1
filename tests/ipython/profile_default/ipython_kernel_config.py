c = get_config()  # noqa: F821
c.HistoryManager.enabled = False  # a test leaves nothing behind
c.IPKernelApp.log_level = "ERROR"  # a kernel on loopback need not warn about its ports at every start
