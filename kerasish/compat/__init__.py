"""Front doors: the names under which users of other libraries look for what kerasish has."""
