"""What stands here is a stranger's: it is built, installed and tested in processes of its own."""

collect_ignore_glob = ["unibill-acme/*"]
