"""``python data/make_sample`` makes every table."""

from make_all import main

main()
