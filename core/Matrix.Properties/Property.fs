namespace Matrix.Properties

open FsCheck
open FsCheck.FSharp

/// One property: a dotted name, its meaning in one sentence, and the check. Tests and `mx` list and run the same values.
type Property = {
    /// Dotted and stable, such as `state-res.arrival-order`.
    Name: string
    /// What holds, in one sentence.
    Meaning: string
    /// Runs the check with a configuration; throws what FsCheck throws when it is falsified.
    Run: Config -> unit
}

/// How properties are written.
[<RequireQualifiedAccess>]
module Property =

    /// A property of all values that a generator makes; `shrink` gives smaller ones.
    let forAllShrink (name: string) (meaning: string) (gen: Gen<'a>) (shrink: 'a -> seq<'a>) (holds: 'a -> bool) : Property = {
        Name = name
        Meaning = meaning
        Run = fun config -> Check.One(name, config, Prop.forAll (Arb.fromGenShrink (gen, shrink)) holds)
    }

    /// A property of all values that a generator makes.
    let forAll (name: string) (meaning: string) (gen: Gen<'a>) (holds: 'a -> bool) : Property =
        forAllShrink name meaning gen (fun _ -> Seq.empty) holds

    /// The same property, checked at most so many times in a run: for those whose single check is long.
    let atMost (checks: int) (property: Property) : Property = {
        property with
            Run = fun config -> property.Run(config.WithMaxTest(min checks config.MaxTest))
    }
