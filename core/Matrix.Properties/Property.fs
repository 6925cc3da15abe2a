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
    /// The most checks of it in a run.
    AtMost: int
    /// The check, which calls a function for each value that meets the property's premise.
    ForFsCheck: (unit -> unit) -> FsCheck.Property
} with

    /// Runs the check with a configuration, and calls a function for each value that meets the premise. Throws what
    /// FsCheck throws when the property is falsified.
    member this.Run(config: Config, met: unit -> unit) : unit =
        Check.One(this.Name, config.WithMaxTest(min this.AtMost config.MaxTest), this.ForFsCheck met)

/// Constructors of properties.
[<RequireQualifiedAccess>]
module Property =

    /// A property of those values of a generator that meet its premise; of the others `holds` returns none. `shrink`
    /// gives smaller values.
    let forAllIf
        (name: string)
        (meaning: string)
        (gen: Gen<'a>)
        (shrink: 'a -> seq<'a>)
        (holds: 'a -> bool option)
        : Property = {
        Name = name
        Meaning = meaning
        AtMost = System.Int32.MaxValue
        ForFsCheck =
            fun met ->
                let check (value: 'a) =
                    match holds value with
                    | None -> true
                    | Some held ->
                        met ()
                        held

                Prop.forAll (Arb.fromGenShrink (gen, shrink)) check
    }

    /// A property of all values that a generator makes; `shrink` gives smaller ones.
    let forAllShrink
        (name: string)
        (meaning: string)
        (gen: Gen<'a>)
        (shrink: 'a -> seq<'a>)
        (holds: 'a -> bool)
        : Property =
        forAllIf name meaning gen shrink (holds >> Some)

    /// A property of all values that a generator makes.
    let forAll (name: string) (meaning: string) (gen: Gen<'a>) (holds: 'a -> bool) : Property =
        forAllShrink name meaning gen (fun _ -> Seq.empty) holds

    /// The same property, checked at most this many times in a run. For properties whose single check takes long.
    let atMost (checks: int) (property: Property) : Property = {
        property with
            AtMost = min checks property.AtMost
    }

/// A statement about cases. What draws the cases, and what makes a case of them, is separate.
[<NoEquality; NoComparison>]
type Law<'case> = {
    /// Dotted and stable.
    Name: string
    /// What holds, in a sentence.
    Meaning: string
    /// The cases that meet its premise.
    About: 'case -> bool
    /// Whether it holds of a case; true for a case that does not meet the premise.
    Holds: 'case -> bool
}

/// Constructors of laws.
[<RequireQualifiedAccess>]
module Law =

    /// A law about the cases that meet a premise.
    let about (name: string) (meaning: string) (premise: 'case -> bool) (holds: 'case -> bool) : Law<'case> = {
        Name = name
        Meaning = meaning
        About = premise
        Holds = fun case -> not (premise case) || holds case
    }

    /// A law about all cases.
    let named (name: string) (meaning: string) (holds: 'case -> bool) : Law<'case> =
        about name meaning (fun _ -> true) holds

    /// The property that the law holds for drawn cases of a version.
    let property
        (version: RoomVersion)
        (gen: Gen<'drawn>)
        (shrink: 'drawn -> seq<'drawn>)
        (caseOf: 'drawn -> 'case)
        (law: Law<'case>)
        : Property =
        Property.forAllIf $"{law.Name}.{version.Id}" law.Meaning gen shrink (fun drawn ->
            let case = caseOf drawn
            if law.About case then Some(law.Holds case) else None)

/// The result of checking a property.
type Checked = {
    /// How many values it was checked with.
    Tests: int
    /// How many of these met its premise.
    Met: int
    /// The counterexample, with a seed that finds it again.
    Fault: string option
}

/// Checks properties outside of a test framework.
[<RequireQualifiedAccess>]
module Checking =

    /// Collects the result of one check.
    [<Sealed>]
    type private Listener() =
        member val Result: Checked = { Tests = 0; Met = 0; Fault = None } with get, set

        interface IRunner with
            member _.OnStartFixture _ = ()
            member _.OnArguments(_, _, _) = ()
            member _.OnShrink(_, _) = ()

            member this.OnFinished(name, result) =
                this.Result <-
                    match result with
                    | TestResult.Passed(data, _) -> {
                        Tests = data.NumberOfTests
                        Met = 0
                        Fault = None
                      }
                    | TestResult.Exhausted data -> {
                        Tests = data.NumberOfTests
                        Met = 0
                        Fault = Some "too few of the drawn values are ones that the property is about"
                      }
                    | TestResult.Failed(data, _, _, _, _, _, _) -> {
                        Tests = data.NumberOfTests
                        Met = 0
                        Fault = Some((Runner.onFinishedToString name result).Trim())
                      }

    /// A property whose premise was met less often is not called checked.
    let enough = 30

    /// Where too few values meet a premise, this many times as many are drawn.
    let private moreIfRare = 10

    /// The fault that an exception is. What cannot be checked does not hold, and hides nothing about other properties.
    let faultOf (thrown: exn) : string =
        let inner =
            match thrown with
            | :? System.AggregateException as several -> several.Flatten().InnerExceptions[0]
            | one -> one

        $"throws {inner.GetType().Name}: {inner.Message}"

    /// Checks a property with this many drawn values; the same seed draws the same values. An exception, of the
    /// property or of what draws its values, is a fault of the property.
    let run (tests: int) (seed: uint64) (property: Property) : Checked =
        let drawing (tests: int) : Checked =
            let listener = Listener()

            let config =
                Config.Quick.WithMaxTest(tests).WithRunner(listener).WithReplay(Some { Rnd = Rnd seed; Size = None })

            let met = ref 0

            try
                property.Run(config, (fun () -> met.Value <- met.Value + 1))
                { listener.Result with Met = met.Value }
            with thrown -> {
                Tests = met.Value
                Met = met.Value
                Fault = Some(faultOf thrown)
            }

        let first = drawing tests

        // A premise that is rarely met takes more values.
        if first.Fault.IsNone && first.Met < enough then
            drawing (tests * moreIfRare)
        else
            first
