namespace Matrix.Properties

open FsCheck
open FsCheck.FSharp
open Matrix.Rules

/// A property: a dotted name, its meaning in one sentence, and the check. Tests and `mx` list and run the same values.
type Property = {
    /// Dotted and stable, such as `state-res.arrival-order`.
    Name: string
    /// What holds, in one sentence.
    Meaning: string
    /// Runs the check with a configuration; throws what FsCheck throws when it is falsified.
    Run: Config -> unit
}

/// Constructors of properties.
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

    /// The same property, checked at most this many times in a run. For properties whose single check takes long.
    let atMost (checks: int) (property: Property) : Property = {
        property with
            Run = fun config -> property.Run(config.WithMaxTest(min checks config.MaxTest))
    }

/// A statement about cases. What draws the cases, and what makes a case of them, is separate.
[<NoEquality; NoComparison>]
type Law<'case> = {
    /// Dotted and stable.
    Name: string
    /// What holds, in a sentence.
    Meaning: string
    Holds: 'case -> bool
}

/// Constructors of laws.
[<RequireQualifiedAccess>]
module Law =

    /// A law of that name.
    let named (name: string) (meaning: string) (holds: 'case -> bool) : Law<'case> = {
        Name = name
        Meaning = meaning
        Holds = holds
    }

    /// The property that the law holds for drawn cases of a version.
    let property
        (version: RoomVersion)
        (gen: Gen<'drawn>)
        (shrink: 'drawn -> seq<'drawn>)
        (caseOf: 'drawn -> 'case)
        (law: Law<'case>)
        : Property =
        Property.forAllShrink $"{law.Name}.{version.Id}" law.Meaning gen shrink (caseOf >> law.Holds)

/// The result of checking a property.
type Checked = {
    /// How many values it was checked with.
    Tests: int
    /// The counterexample, with a seed that finds it again.
    Fault: string option
}

/// Checks properties outside of a test framework.
[<RequireQualifiedAccess>]
module Checking =

    /// Collects the result of one check.
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
                        Fault = Some "too few of the drawn values are ones that the property is about"
                      }
                    | TestResult.Failed(data, _, _, _, _, _, _) -> {
                        Tests = data.NumberOfTests
                        Fault = Some((Runner.onFinishedToString name result).Trim())
                      }

    /// Checks a property with this many drawn values; the same seed draws the same values.
    let run (tests: int) (seed: uint64) (property: Property) : Checked =
        let listener = Listener()

        let config =
            Config.Quick.WithMaxTest(tests).WithRunner(listener).WithReplay(Some { Rnd = Rnd seed; Size = None })

        property.Run config
        listener.Result
