"""Side-by-side measurements of Diptych, its peers and the limits of its parts."""
