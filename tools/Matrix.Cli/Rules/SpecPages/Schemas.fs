namespace Matrix.Cli.Rules.SpecPages

open System.IO

/// A described property of a schema.
type internal Property = {
    /// The file that describes it.
    File: string
    /// Its path, such as `content.users_default`.
    Name: string
    Description: string
}

/// Reads the schemas that pages show.
module internal Schemas =

    let private beside (file: string) (reference: string) : string =
        let folder =
            Path.GetDirectoryName("/" + file) |> Option.ofObj |> Option.defaultValue "/"

        (Path.GetFullPath(Path.Combine(folder, reference))).TrimStart '/'

    /// The described properties of a schema and of the schemas that it refers to, in order.
    let properties (read: string -> string option) (file: string) : Property list =
        let rec ofFile seen prefix file =
            // A schema may refer to itself.
            match read file with
            | Some text when not (Set.contains file seen) -> ofSchema (Set.add file seen) prefix file (Yaml.ofText text)
            | _ -> []

        and ofSchema seen prefix file schema =
            let own =
                match Yaml.tryMember "properties" schema with
                | Some(Yaml.Members members) ->
                    members
                    |> List.collect (fun (name, inner) ->
                        let path = prefix + name

                        match Yaml.text "description" inner with
                        | "" -> []
                        | description -> [
                            {
                                File = file
                                Name = path
                                Description = description
                            }
                          ]
                        |> fun here -> here @ ofSchema seen (path + ".") file inner)
                | _ -> []

            let referred =
                match Yaml.text "$ref" schema with
                | "" -> []
                | reference -> ofFile seen prefix (beside file reference)

            let parts =
                match Yaml.tryMember "allOf" schema with
                | Some(Yaml.Items items) -> items |> List.collect (ofSchema seen prefix file)
                | _ -> []

            referred @ parts @ own

        // What a schema says itself goes before what it refers to says of the same property.
        ofFile Set.empty "" file |> List.rev |> List.distinctBy _.Name |> List.rev

    /// What a schema says about itself.
    let description (read: string -> string option) (file: string) : string =
        read file
        |> Option.map (Yaml.ofText >> Yaml.text "description")
        |> Option.defaultValue ""
