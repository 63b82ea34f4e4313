//! Parses each line of a file as a query string and prints SQLSTATE, offset and message, or `ok`.

fn main() {
    for path in std::env::args().skip(1) {
        for line in std::fs::read_to_string(&path).unwrap_or_default().lines() {
            match syntax::parse(line) {
                Ok(_) => println!("ok"),
                Err(error) => {
                    println!("{}\t{:?}\t{}", error.state(), error.data().position, error.message());
                }
            }
        }
    }
}
