/// Compiles the rules alone, without the rest of a build: their project needs FSharp.Core only.
module internal Matrix.Cli.Sources.Compiler

open System
open System.IO
open System.Runtime.InteropServices
open System.Text
open System.Xml
open System.Xml.Linq

/// The folder of .NET that runs this program.
let private dotnet =
    Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."))

/// The compiler of the newest SDK.
let private compiler () : string option =
    let sdks = Path.Combine(dotnet, "sdk")

    if not (Directory.Exists sdks) then
        None
    else
        let versionOf (folder: string) =
            let name = (Path.GetFileName folder |> string).Split('-')[0]

            match Version.TryParse name with
            | true, version -> version
            | _ -> Version()

        Directory.GetDirectories sdks
        |> Array.map (fun folder -> versionOf folder, Path.Combine(folder, "FSharp", "fsc.dll"))
        |> Array.filter (snd >> File.Exists)
        |> Array.sortBy fst
        |> Array.tryLast
        |> Option.map snd

/// The file of the lint. What follows it says rules in words, and is not needed to read them.
let private last = "Lint.fs"

/// The source files of the project in a folder, in their order, up to the lint.
let sources (where: string) (folder: string) : Result<string list, SourceFault> =
    try
        let project = XDocument.Load(Path.Combine(folder, Checkout.Project))

        let all = [
            for item in project.Descendants(XName.Get "Compile") do
                match item.Attribute(XName.Get "Include") with
                | null -> ()
                | file -> file.Value.Replace('\\', '/')
        ]

        let needed =
            match List.tryFindIndex ((=) last) all with
            | Some index -> List.truncate (index + 1) all
            | None -> all

        Ok [ for file in needed -> Path.Combine(folder, file) ]
    with
    | :? XmlException
    | :? IOException as fault -> Error(SourceFault.DoesNotCompile(where, [ $"{Checkout.Project}: {fault.Message}" ]))

let private references () : string list =
    let runtime = RuntimeEnvironment.GetRuntimeDirectory()

    typeof<int list>.Assembly.Location
    :: [
        yield! Directory.GetFiles(runtime, "System*.dll")
        Path.Combine(runtime, "mscorlib.dll")
        Path.Combine(runtime, "netstandard.dll")
    ]

/// The compiler lives for seconds: it is compiled quickly rather than well, and collects little.
let private quickly = [
    "DOTNET_TieredPGO", "0"
    "DOTNET_gcConcurrent", "0"
    "DOTNET_GCgen0size", "0x8000000"
]

/// What is printed of a compiler's errors.
let private mostErrors = 5

/// Compiles the project in a folder to an assembly. `strict`: warnings are errors, as in the build of this checkout.
let compile (where: string) (folder: string) (strict: bool) (assembly: string) : Result<unit, SourceFault> =
    match compiler (), sources where folder with
    | None, _ -> Error SourceFault.NoCompiler
    | _, Error fault -> Error fault
    | Some compiler, Ok sources ->
        let response = assembly + ".rsp"

        let lines = [
            "--noframework"
            "--targetprofile:netcore"
            "--simpleresolution"
            "--nologo"
            "--target:library"
            "--langversion:latest"
            "--checknulls+"
            "--define:NULLABLE"
            "--optimize+"
            "--debug-"
            "--fullpaths"
            "--flaterrors"
            if strict then
                "--warnon:1182"
                "--warnaserror"
            $"--out:{assembly}"
            for reference in references () do
                $"-r:{reference}"
            for source in sources do
                source
        ]

        File.WriteAllLines(response, lines, UTF8Encoding false)

        match Processes.runWith quickly (Path.Combine(dotnet, "dotnet")) [ compiler; "@" + response ] with
        | None -> Error SourceFault.NoCompiler
        | Some ran when ran.Code = 0 && File.Exists assembly -> Ok()
        | Some ran ->
            let said =
                (Encoding.UTF8.GetString ran.Output + ran.Errors).Split('\n')
                |> Array.filter (fun line -> line.Contains "error ")
                |> Array.map (fun line -> line.Trim().Replace(folder + "/", ""))
                |> Array.truncate mostErrors

            Error(SourceFault.DoesNotCompile(where, List.ofArray said))
