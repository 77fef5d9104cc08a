"""From one command to a running server: which processes, in which order, kept by whom.

`plan` says which programs there are, `start` hands them to the process manager (supervisor),
`programs` is what each of them does before it becomes itself, `announce` tells when all of it
answers. Knows neither money nor menus.
"""
