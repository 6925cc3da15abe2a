namespace Matrix.Proofs.Smt

open System.Text

/// A term or a command of SMT-LIB 2.6.
[<RequireQualifiedAccess>]
type Term =
    /// A symbol, a numeral or a keyword, as it is written.
    | Atom of string
    | List of Term list

/// Writes terms. What is trivial is left out, so that files stay readable.
[<RequireQualifiedAccess>]
module Term =

    let private isPlain (c: char) =
        System.Char.IsAsciiLetterOrDigit c || c = '-' || c = '_' || c = '.'

    /// A symbol; quoted if it has to be.
    let symbol (name: string) : Term =
        if name <> "" && Seq.forall isPlain name && System.Char.IsAsciiLetter name[0] then
            Term.Atom name
        else
            Term.Atom $"|{name}|"

    /// A function that is applied to arguments; a constant if there are none.
    let app (name: string) (arguments: Term list) : Term =
        match arguments with
        | [] -> symbol name
        | _ -> Term.List(symbol name :: arguments)

    /// A word of the language with its arguments.
    let call (word: string) (arguments: Term list) : Term = Term.List(Term.Atom word :: arguments)

    let yes = Term.Atom "true"
    let no = Term.Atom "false"

    /// A number; negative ones are written as SMT-LIB wants it.
    let number (n: bigint) : Term =
        if n.Sign < 0 then
            call "-" [ Term.Atom(string (-n)) ]
        else
            Term.Atom(string n)

    let not' (a: Term) : Term =
        match a with
        | a when a = yes -> no
        | a when a = no -> yes
        | Term.List [ Term.Atom "not"; inner ] -> inner
        | a -> call "not" [ a ]

    let all (parts: Term list) : Term =
        match parts |> List.filter (fun part -> part <> yes) with
        | [] -> yes
        | [ one ] -> one
        | parts when List.contains no parts -> no
        | parts -> call "and" parts

    let any (parts: Term list) : Term =
        match parts |> List.filter (fun part -> part <> no) with
        | [] -> no
        | [ one ] -> one
        | parts when List.contains yes parts -> yes
        | parts -> call "or" parts

    let implies (a: Term) (b: Term) : Term = any [ not' a; b ]
    let equal (a: Term) (b: Term) : Term = call "=" [ a; b ]
    let ite (condition: Term) (a: Term) (b: Term) : Term = call "ite" [ condition; a; b ]

    /// Whether a value of a datatype was made by this constructor.
    let isMadeBy (constructor: string) (value: Term) : Term =
        Term.List [ call "_" [ Term.Atom "is"; symbol constructor ]; value ]

    let private bind (word: string) (name: string) (sort: string) (body: Term) : Term =
        if body = yes || body = no then
            body
        else
            call word [ Term.List [ Term.List [ symbol name; symbol sort ] ]; body ]

    /// For some value of a sort. Sorts are never empty.
    let exists name sort body = bind "exists" name sort body

    /// For every value of a sort.
    let forall name sort body = bind "forall" name sort body

    let assert' (a: Term) : Term = call "assert" [ a ]

    /// A definition of a function or, without parameters, of a constant.
    let define (name: string) (parameters: (string * string) list) (sort: string) (body: Term) : Term =
        call "define-fun" [
            symbol name
            Term.List [ for name, sort in parameters -> Term.List [ symbol name; symbol sort ] ]
            symbol sort
            body
        ]

    /// A function, or a constant, of which nothing is said.
    let declare (name: string) (parameters: string list) (sort: string) : Term =
        call "declare-fun" [ symbol name; Term.List(List.map symbol parameters); symbol sort ]

    /// The term with other terms in place of symbols.
    let rec replace (by: Map<string, Term>) (term: Term) : Term =
        match term with
        | Term.Atom name -> by |> Map.tryFind name |> Option.defaultValue term
        | Term.List parts -> Term.List(List.map (replace by) parts)

    /// All symbols of a term, each as often as it stands there.
    let rec atoms (term: Term) : string seq =
        match term with
        | Term.Atom name -> Seq.singleton name
        | Term.List parts -> Seq.collect atoms parts

    let rec private write (to': StringBuilder) (indent: int) (term: Term) : unit =
        match term with
        | Term.Atom name -> to'.Append name |> ignore
        | Term.List parts ->
            let flat = line term

            if flat.Length + indent <= 110 then
                to'.Append flat |> ignore
            else
                to'.Append '(' |> ignore

                parts
                |> List.iteri (fun i part ->
                    if i > 0 then
                        to'.Append('\n').Append(' ', indent + 2) |> ignore

                    write to' (indent + 2) part)

                to'.Append ')' |> ignore

    /// The term on one line.
    and line (term: Term) : string =
        match term with
        | Term.Atom name -> name
        | Term.List parts -> "(" + (parts |> List.map line |> String.concat " ") + ")"

    /// The term as text, in lines.
    let print (term: Term) : string =
        let text = StringBuilder()
        write text 0 term
        text.ToString()

    /// Reads the terms of a text; none if its brackets do not match.
    let parse (text: string) : Term list option =
        let rec read (at: int) (open': Term list list) : Term list option =
            if at >= text.Length then
                match open' with
                | [ top ] -> Some(List.rev top)
                | _ -> None
            else
                let add term =
                    match open' with
                    | top :: rest -> (term :: top) :: rest
                    | [] -> []

                match text[at] with
                | c when System.Char.IsWhiteSpace c -> read (at + 1) open'
                | ';' ->
                    match text.IndexOf('\n', at) with
                    | -1 -> read text.Length open'
                    | end' -> read end' open'
                | '(' -> read (at + 1) ([] :: open')
                | ')' ->
                    match open' with
                    | top :: next :: rest -> read (at + 1) ((Term.List(List.rev top) :: next) :: rest)
                    | _ -> None
                | '|' ->
                    match text.IndexOf('|', at + 1) with
                    | -1 -> None
                    | end' -> read (end' + 1) (add (Term.Atom text[at..end']))
                | '"' ->
                    match text.IndexOf('"', at + 1) with
                    | -1 -> None
                    | end' -> read (end' + 1) (add (Term.Atom text[at..end']))
                | _ ->
                    let isEnd c =
                        System.Char.IsWhiteSpace c || c = '(' || c = ')' || c = ';'

                    let mutable end' = at

                    while end' < text.Length && not (isEnd text[end']) do
                        end' <- end' + 1

                    read end' (add (Term.Atom text[at .. end' - 1]))

        read 0 [ [] ]
