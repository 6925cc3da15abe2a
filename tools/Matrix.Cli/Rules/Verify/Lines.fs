/// Runs properties and invariants for `mx rules verify`.
module internal Matrix.Cli.Rules.Verify.Lines

open System
open System.Threading
open System.Threading.Tasks
open Matrix.Cli.Input
open Matrix.Cli.Output
open Matrix.Properties
open Matrix.Properties.Properties
open Matrix.Properties.SmallWorlds
open Matrix.Rules

/// An exception of an invariant or a claim, in the versions that have it.
type Excepted = {
    Name: string
    Why: string
    Versions: string list
    Count: int64
    Witness: string
}

/// The result of a property.
type Line = {
    Name: string
    Meaning: string
    Versions: string list
    Asked: int64
    /// How many of the drawn values met the property's premise; for a statement about decisions, all of them.
    Met: int64
    /// Whether the premise was met too rarely in some version to call the property checked.
    IsUnchecked: bool
    Fault: string option
    Exceptions: Excepted list
    /// The smallest case of a statement that something can happen; None for other properties.
    CanHappen: string option
}

/// The name of a version's property without the version.
let private baseName (version: RoomVersion option) (property: Property) : string =
    match version with
    | Some version when property.Name.EndsWith("." + version.Id, StringComparison.Ordinal) ->
        property.Name.Substring(0, property.Name.Length - version.Id.Length - 1)
    | _ -> property.Name

/// The properties of a version. If they cannot be made, a property says so, and hides no others.
let private ofVersion (version: RoomVersion) : Property list =
    try
        AllProperties.ofVersion version
    with thrown -> [
        {
            Name = $"properties.can-be-made.{version.Id}"
            Meaning = "The properties of the version can be made."
            AtMost = 1
            ForFsCheck = fun _ -> raise thrown
        }
    ]

/// The requested properties of drawn values, each with its version. Properties without a version are included if no
/// version is requested.
let drawn (wanted: string option) (versions: RoomVersion list) (alone: bool) : (RoomVersion option * Property) list =
    [
        if alone then
            for p in AllProperties.ofNoVersion -> None, p

        for version in versions do
            for p in ofVersion version -> Some version, p
    ]
    |> List.filter (fun (version, p) ->
        RoomVersions.isMeant wanted (baseName version p)
        || RoomVersions.isMeant wanted p.Name)

/// Runs properties of drawn values on all cores.
let ofDrawn (tests: int) (seed: uint64) (properties: (RoomVersion option * Property) list) : Line list =
    let properties = Array.ofList properties
    let results: Checked[] = Array.zeroCreate properties.Length
    let mutable finished = 0
    use progress = new Progress()

    Parallel.For(
        0,
        properties.Length,
        ParallelOptions(MaxDegreeOfParallelism = Environment.ProcessorCount),
        fun i ->
            results[i] <- Checking.run tests seed (snd properties[i])
            let done' = Interlocked.Increment &finished
            progress.Show $"properties of drawn values: {done'} of {properties.Length}"
    )
    |> ignore

    Array.zip properties results
    |> Array.groupBy (fun ((version, p), _) -> baseName version p)
    |> Array.map (fun (name, all) -> {
        Name = name
        Meaning = (snd (fst all[0])).Meaning
        Versions = [
            for (version, _), _ in all do
                match version with
                | Some version -> version.Id
                | None -> ()
        ]
        Asked = all |> Array.sumBy (fun (_, r) -> int64 r.Tests)
        Met = all |> Array.sumBy (fun (_, r) -> int64 r.Met)
        IsUnchecked = all |> Array.exists (fun (_, r) -> r.Met < Checking.enough)
        Fault = all |> Array.tryPick (fun (_, r) -> r.Fault)
        Exceptions = []
        CanHappen = None
    })
    |> List.ofArray

/// The requested invariants of these versions' decisions.
let laws (wanted: string option) (versions: RoomVersion list) : DecisionLaw list =
    DecisionLaws.all
    |> List.filter (fun law -> RoomVersions.isMeant wanted law.Name && List.exists law.In versions)

/// The decisions of a group of versions that authorization cannot tell apart.
[<NoEquality; NoComparison>]
type Seen = {
    Group: RoomVersion list
    Surveyed: Surveyed
} with

    /// The names of the versions.
    member this.Ids = this.Group |> List.map _.Id

/// How many cases of each world a run draws.
let drawnCases = 10_000

/// Decides the cases of small worlds.
let survey (exhaustive: bool) (seed: uint64) (groups: RoomVersion list list) : Seen list = [
    use progress = new Progress()

    for group in groups do
        let version = List.head group
        let ids = group |> List.map _.Id |> String.concat ", "
        let worlds = Worlds.widened [ version ] Worlds.all

        let run =
            if exhaustive then
                Survey.run version worlds 1L Environment.ProcessorCount (fun world ->
                    progress.Show $"version {ids}: {world.Name}, {world.Decided} decisions")
            else
                progress.Show $"version {ids}: drawn cases"
                DecisionLaws.sample version drawnCases seed

        progress.Show $"version {ids}: the lightest cases, and the smallest that differ from its parent's"

        {
            Group = group
            Surveyed = DecisionLaws.surveyed version run
        }
]

/// An exception of an invariant, in the versions that have it.
let private excepted (law: DecisionLaw) (seen: Seen list) (e: Exemption) : Excepted option =
    let sightings = DecisionLaws.excepted law e

    match seen |> List.filter (fun s -> e.In s.Surveyed.Run.Version) with
    | [] -> None
    | having ->
        Some {
            Name = e.Name
            Why = e.Why
            Versions = having |> List.collect _.Ids
            Count =
                having
                |> List.sumBy (fun s -> (sightings s.Surveyed.Run).Count + (sightings s.Surveyed.Lightest).Count)
            Witness =
                (sightings (List.last having).Surveyed.Lightest).Lightest
                |> Option.map Witnesses.name
                |> Option.defaultValue ""
        }

let private ofLaw (seen: Seen list) (law: DecisionLaw) : Line =
    let here = seen |> List.filter (fun s -> law.In s.Surveyed.Run.Version)
    let asked = here |> List.sumBy (fun s -> law.Asked s.Surveyed)

    {
        Name = law.Name
        Meaning = law.Meaning
        Versions = here |> List.collect _.Ids
        Asked = asked
        Met = asked
        IsUnchecked = false
        Fault =
            here
            |> List.tryPick (fun s ->
                let versions = String.concat ", " s.Ids

                law.Fault s.Surveyed |> Option.map (fun fault -> $"version {versions}: {fault}"))
        Exceptions = law.Exceptions |> List.choose (excepted law here)
        CanHappen =
            if law.CanHappen then
                here
                |> List.tryLast
                |> Option.bind (fun s -> DecisionLaws.shown law s.Surveyed.Lightest)
                |> Option.map Witnesses.name
                |> Option.defaultValue ""
                |> Some
            else
                None
    }

/// The result of each invariant in the versions that it is stated for. One that cannot be told hides no others.
let ofSurveys (laws: DecisionLaw list) (seen: Seen list) : Line list = [
    for law in laws ->
        try
            ofLaw seen law
        with thrown -> {
            Name = law.Name
            Meaning = law.Meaning
            Versions = []
            Asked = 0L
            Met = 0L
            IsUnchecked = true
            Fault = Some(Checking.faultOf thrown)
            Exceptions = []
            CanHappen = None
        }
]
