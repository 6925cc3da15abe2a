namespace Matrix.Properties.Simulation

/// A generator of pseudo-random numbers: the same sequence for the same seed, on every machine and in every version.
[<Sealed>]
type Rng(seed: uint64) =

    let mutable state = seed

    /// A hash of a number.
    static member Mix(n: uint64) : uint64 =
        let z = (n ^^^ (n >>> 30)) * 0xBF58476D1CE4E5B9UL
        let z = (z ^^^ (z >>> 27)) * 0x94D049BB133111EBUL
        z ^^^ (z >>> 31)

    /// The next number.
    member _.Next() : uint64 =
        state <- state + 0x9E3779B97F4A7C15UL
        Rng.Mix state

    /// A number from 0 to one less than `count`.
    member this.Below(count: int) : int = int (this.Next() % uint64 count)

    /// True with this probability, in thousandths.
    member this.Happens(perMille: int) : bool = this.Below 1000 < perMille

    /// One of several, all equally likely.
    member this.Of(choices: 'a[]) : 'a = choices[this.Below choices.Length]

    /// One of several, by weight.
    member this.Weighted(choices: (int * 'a)[]) : 'a =
        let mutable left = this.Below(choices |> Array.sumBy fst)
        let mutable at = 0

        while left >= fst choices[at] do
            left <- left - fst choices[at]
            at <- at + 1

        snd choices[at]
