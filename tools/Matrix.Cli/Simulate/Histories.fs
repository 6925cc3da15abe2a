/// Prints histories of the simulation, and writes failing ones to files.
module internal Matrix.Cli.Simulate.Histories

open System
open System.IO
open Matrix.Cli.Output
open Matrix.Properties.Simulation

/// The events of a history, with each server's verdict.
let told (plan: Plan) (history: HistoryEntry list) : Table =
    let short (id: string) = id.Substring(0, min 7 id.Length)

    let row { Event = pdu; Verdicts = verdicts } =
        let what =
            match pdu.Content.Text "membership" with
            | null -> pdu.Type
            | membership -> $"{pdu.Type} {membership}"

        let words = [
            short pdu.EventId
            pdu.Sender
            what
            string pdu.StateKey
            String.Join(" ", Array.map short pdu.PrevEvents)
        ]

        words @ verdicts |> List.map Word

    {
        Name = "events"
        Columns =
            [ "event_id"; "sender"; "type"; "state_key"; "after" ]
            @ List.init plan.Servers (fun n -> $"s{n}")
        Rows = List.map row history
    }

/// The bound on attempts to shrink a history.
let private shrinkAttempts = 600

/// Writes the history of a seed, shrunk as far as it fails in the same way. Returns the file's name, or why it could
/// not be written. Says first on standard error what failed, because shrinking takes minutes.
let keep (out: string option) (seed: int64) (plan: Plan) (found: Violation) : string =
    eprintfn $"mx: seed {seed}, room version {plan.Version}: {found}"
    eprintfn $"mx: looking for a smaller history that fails so, in at most {shrinkAttempts} runs"
    let violation plan = (Simulation.run plan).Violation

    let file =
        out
        |> Option.defaultWith (fun () -> Path.Combine(Path.GetTempPath(), $"mx-simulate-{plan.Version}-{seed}.json"))
        |> Path.GetFullPath

    try
        File.WriteAllText(file, PlanText.write (Shrink.plan shrinkAttempts violation plan))
        file
    with
    | :? UnauthorizedAccessException
    | :? IOException as fault -> $"not written: {fault.Message}"
