mod defects;
mod injected;
