mod checked_in;
mod defects;
mod injected;
mod refused;
mod rules;
