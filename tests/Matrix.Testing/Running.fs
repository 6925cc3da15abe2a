/// Runs the tests of a project: what its command line asks for, and what `./test` reads.
module Matrix.Testing.Running

open System
open System.Collections.Concurrent
open System.Diagnostics
open System.IO
open System.Reflection
open System.Threading
open Expecto
open Expecto.Impl

/// A test that runs longer is taken for one that never ends.
let private longest = TimeSpan.FromMinutes 10.0

/// The tests that run, each with the time at which it began.
let private running = ConcurrentDictionary<string, int64>()

/// Where results are printed.
let private console = Console.Out

/// What the test that runs has written: it is printed if the test fails.
let private written = new StringWriter()

let private began (name: string) : unit =
    running[name] <- Stopwatch.GetTimestamp()
    written.GetStringBuilder().Clear() |> ignore
    Console.SetOut written

let private ended (name: string) : unit =
    Console.SetOut console
    running.TryRemove name |> ignore

let private failed (name: string) (time: TimeSpan) (message: string) : unit =
    ended name
    // The stack below the test is the same for each.
    let frames = message.IndexOf("\n   at Expecto.Impl.", StringComparison.Ordinal)
    let message = if frames < 0 then message else message[.. frames - 1]
    console.WriteLine $"  Failed {name} [{time.TotalSeconds:F1} s]\n{message.Trim()}\n"
    let output = written.ToString().Trim()

    if output <> "" then
        console.WriteLine $"It wrote:\n{output}\n"

/// The line that `./test` reads.
let private counts (summary: TestRunSummary) : string =
    let passed = summary.passed.Length
    // A test that is left out has not passed.
    $"Failed: {summary.results.Length - passed}, Passed: {passed}, Duration: {summary.duration.TotalSeconds:F0} s"

/// Prints what fails, and the counts.
let private printer = {
    TestPrinters.silent with
        beforeEach = fun name _ -> async.Return(began name)
        passed = fun name _ -> async.Return(ended name)
        ignored = fun name reason -> async.Return(failed name TimeSpan.Zero $"It is left out. {reason}")
        failed = fun name message time -> async.Return(failed name time message)
        exn = fun name thrown time -> async.Return(failed name time (string thrown))
        summary = fun _ summary -> async.Return(console.WriteLine(counts summary))
}

/// Ends the process if a test does not end.
let private watch () : unit =
    let overdue () = [
        for KeyValue(name, since) in running do
            if Stopwatch.GetElapsedTime since > longest then
                name
    ]

    let rec look () =
        Thread.Sleep 1000

        match overdue () with
        | [] -> look ()
        | names ->
            for name in names do
                stderr.WriteLine $"This test has not ended in {longest.TotalMinutes} minutes: {name}"

            Environment.Exit 3

    Thread(look, IsBackground = true).Start()

/// Values `tests` and `slow` of the project that are not among the given ones.
let private forgotten (given: Test list) : string list = [
    for owner in (nonNull (Assembly.GetEntryAssembly())).GetTypes() do
        for property in owner.GetProperties(BindingFlags.Public ||| BindingFlags.Static) do
            if property.PropertyType = typeof<Test> then
                let value = property.GetValue null

                if not (given |> List.exists (fun test -> obj.ReferenceEquals(test, value))) then
                    $"{owner.FullName}.{property.Name}"
]

/// Runs these tests one after the other, without the slow ones if the arguments have `--quick`. The other arguments are
/// Expecto's. Returns the exit code.
let run (name: string) (arguments: string[]) (tests: Test list) (slow: Test list) : int =
    let isQuick = arguments |> Array.contains "--quick"

    match forgotten (tests @ slow) with
    | [] ->
        watch ()

        testList name [
            yield! tests
            if not (isQuick || slow.IsEmpty) then
                testList "Slow" slow
        ]
        |> runTestsWithCLIArgs
            [
                Sequenced
                No_Spinner
                JoinWith "/"
                Colours(if Console.IsOutputRedirected then 0 else 8)
                Printer printer
            ]
            (arguments |> Array.filter ((<>) "--quick"))
    | names ->
        stderr.WriteLine $"""Main.fs does not run: {String.concat ", " names}"""
        1
