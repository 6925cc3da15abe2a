namespace Matrix.Properties.Simulation

/// Numbers that look random and follow from a seed: the same on every machine, for ever.
[<Sealed>]
type Dice(seed: uint64) =

    let mutable state = seed

    /// Mixes a number into one that looks unrelated.
    static member Mix(n: uint64) : uint64 =
        let z = (n ^^^ (n >>> 30)) * 0xBF58476D1CE4E5B9UL
        let z = (z ^^^ (z >>> 27)) * 0x94D049BB133111EBUL
        z ^^^ (z >>> 31)

    /// The next number.
    member _.Next() : uint64 =
        state <- state + 0x9E3779B97F4A7C15UL
        Dice.Mix state

    /// A number from 0 to one less than `count`.
    member this.Below(count: int) : int = int (this.Next() % uint64 count)

    /// Whether something happens that happens so often in a thousand times.
    member this.Happens(perMille: int) : bool = this.Below 1000 < perMille

    /// One of several.
    member this.Of(choices: 'a[]) : 'a = choices[this.Below choices.Length]

    /// One of several, each as often as its weight says.
    member this.Weighted(choices: (int * 'a)[]) : 'a =
        let mutable left = this.Below(choices |> Array.sumBy fst)
        let mutable at = 0

        while left >= fst choices[at] do
            left <- left - fst choices[at]
            at <- at + 1

        snd choices[at]
