namespace Matrix.Properties

open FsCheck
open FsCheck.FSharp
open Matrix.Rules

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
    let forAllShrink
        (name: string)
        (meaning: string)
        (gen: Gen<'a>)
        (shrink: 'a -> seq<'a>)
        (holds: 'a -> bool)
        : Property = {
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

/// What holds of every case: a property, apart from what is drawn, and from who makes a case of it.
[<NoEquality; NoComparison>]
type Law<'case> = {
    /// Dotted and stable.
    Name: string
    /// What holds, in a sentence.
    Meaning: string
    Holds: 'case -> bool
}

/// How laws are written, and asked.
[<RequireQualifiedAccess>]
module Law =

    /// A law of that name.
    let named (name: string) (meaning: string) (holds: 'case -> bool) : Law<'case> = {
        Name = name
        Meaning = meaning
        Holds = holds
    }

    /// The property that it holds of the cases of a version which are made of what is drawn.
    let property
        (version: RoomVersion)
        (gen: Gen<'drawn>)
        (shrink: 'drawn -> seq<'drawn>)
        (caseOf: 'drawn -> 'case)
        (law: Law<'case>)
        : Property =
        Property.forAllShrink $"{law.Name}.{version.Id}" law.Meaning gen shrink (caseOf >> law.Holds)

/// What became of a property that was checked.
type Checked = {
    /// How many values it was asked of.
    Tests: int
    /// What falsified it: with a seed that finds it again.
    Fault: string option
}

/// Checking properties outside of a test framework.
[<RequireQualifiedAccess>]
module Checking =

    /// Listens to one check.
    [<Sealed>]
    type private Listener() =
        member val Result: Checked = { Tests = 0; Fault = None } with get, set

        interface IRunner with
            member _.OnStartFixture _ = ()
            member _.OnArguments(_, _, _) = ()
            member _.OnShrink(_, _) = ()

            member this.OnFinished(name, result) =
                this.Result <-
                    match result with
                    | TestResult.Passed(data, _) -> {
                        Tests = data.NumberOfTests
                        Fault = None
                      }
                    | TestResult.Exhausted data -> {
                        Tests = data.NumberOfTests
                        Fault = Some "too few values are of the kind that it is about"
                      }
                    | TestResult.Failed(data, _, _, _, _, _, _) -> {
                        Tests = data.NumberOfTests
                        Fault = Some((Runner.onFinishedToString name result).Trim())
                      }

    /// Asks a property of so many drawn values; the same seed draws the same.
    let run (tests: int) (seed: uint64) (property: Property) : Checked =
        let listener = Listener()

        let config =
            Config.Quick.WithMaxTest(tests).WithRunner(listener).WithReplay(Some { Rnd = Rnd seed; Size = None })

        property.Run config
        listener.Result
