/// The references of a compiled assembly, read from its metadata and the code of its methods. Assembly names alone
/// cannot show `File` or `DateTime.UtcNow`.
module Matrix.Core.Tests.CompiledReferences

open System
open System.Collections.Generic
open System.Collections.Immutable
open System.IO
open System.Reflection.Emit
open System.Reflection.Metadata
open System.Reflection.PortableExecutable

/// A use of a type, or of a member of it (`Member` is "" for the type itself), from a namespace of the assembly.
[<Struct>]
type Reference = {
    From: string
    Namespace: string
    Type: string
    Member: string
    /// Whether the type is the assembly's own.
    IsOwn: bool
}

let private oneByte, private twoBytes =
    let codes =
        typeof<OpCodes>.GetFields()
        |> Array.choose (fun f ->
            match f.GetValue null with
            | :? OpCode as code -> Some code
            | _ -> None)

    let ofSize n =
        dict [
            for code in codes do
                if code.Size = n then
                    code.Value, code
        ]

    ofSize 1, ofSize 2

/// The tokens that a method's code names.
let private tokens (il: byte[]) : seq<int> =
    seq {
        let mutable at = 0

        while at < il.Length do
            let code =
                if il[at] = 0xFEuy then
                    at <- at + 2
                    twoBytes[int16 (0xFE00 ||| int il[at - 1])]
                else
                    at <- at + 1
                    oneByte[int16 il[at - 1]]

            match code.OperandType with
            | OperandType.InlineNone -> ()
            | OperandType.ShortInlineBrTarget
            | OperandType.ShortInlineI
            | OperandType.ShortInlineVar -> at <- at + 1
            | OperandType.InlineVar -> at <- at + 2
            | OperandType.InlineI8
            | OperandType.InlineR -> at <- at + 8
            | OperandType.InlineSwitch -> at <- at + 4 + 4 * BitConverter.ToInt32(il, at)
            | OperandType.InlineField
            | OperandType.InlineMethod
            | OperandType.InlineTok
            | OperandType.InlineType ->
                yield BitConverter.ToInt32(il, at)
                at <- at + 4
            | _ -> at <- at + 4
    }

/// Collects the named types in a signature.
type private Collector(found: HashSet<EntityHandle>) =
    interface ISignatureTypeProvider<int, int> with
        member _.GetArrayType(_, _) = 0
        member _.GetByReferenceType _ = 0
        member _.GetFunctionPointerType _ = 0
        member _.GetGenericInstantiation(_, _: ImmutableArray<int>) = 0
        member _.GetGenericMethodParameter(_, _) = 0
        member _.GetGenericTypeParameter(_, _) = 0
        member _.GetModifiedType(_, _, _) = 0
        member _.GetPinnedType _ = 0
        member _.GetPointerType _ = 0
        member _.GetPrimitiveType _ = 0
        member _.GetSZArrayType _ = 0

        member _.GetTypeFromDefinition(_, handle, _) =
            found.Add(TypeDefinitionHandle.op_Implicit handle) |> ignore
            0

        member _.GetTypeFromReference(_, handle, _) =
            found.Add(TypeReferenceHandle.op_Implicit handle) |> ignore
            0

        member this.GetTypeFromSpecification(reader, _, handle, _) =
            reader.GetTypeSpecification(handle).DecodeSignature(this, 0)

let private isNil (handle: EntityHandle) = handle.IsNil

/// All references of an assembly, each once.
let read (path: string) : Reference[] =
    use stream = File.OpenRead path
    use pe = new PEReader(stream)
    let md = pe.GetMetadataReader()
    let result = HashSet<Reference>()

    let rec ownName (handle: TypeDefinitionHandle) : string * string =
        let t = md.GetTypeDefinition handle
        let declaring = t.GetDeclaringType()

        if declaring.IsNil then
            md.GetString t.Namespace, md.GetString t.Name
        else
            let ns, name = ownName declaring
            ns, name + "+" + md.GetString t.Name

    let rec otherName (handle: TypeReferenceHandle) : string * string =
        let t = md.GetTypeReference handle

        if t.ResolutionScope.Kind = HandleKind.TypeReference then
            let ns, name = otherName (TypeReferenceHandle.op_Explicit t.ResolutionScope)
            ns, name + "+" + md.GetString t.Name
        else
            md.GetString t.Namespace, md.GetString t.Name

    let add (from: string) (memberName: string) (handle: EntityHandle) =
        match handle.Kind with
        | HandleKind.TypeDefinition ->
            let ns, name = ownName (TypeDefinitionHandle.op_Explicit handle)

            result.Add {
                From = from
                Namespace = ns
                Type = name
                Member = memberName
                IsOwn = true
            }
            |> ignore
        | HandleKind.TypeReference ->
            let ns, name = otherName (TypeReferenceHandle.op_Explicit handle)

            result.Add {
                From = from
                Namespace = ns
                Type = name
                Member = memberName
                IsOwn = false
            }
            |> ignore
        | _ -> ()

    let collect (decode: Collector -> unit) : HashSet<EntityHandle> =
        let found = HashSet<EntityHandle>()
        decode (Collector found)
        found

    let rec visit (from: string) (handle: EntityHandle) =
        if not (isNil handle) then
            match handle.Kind with
            | HandleKind.TypeDefinition
            | HandleKind.TypeReference -> add from "" handle
            | HandleKind.TypeSpecification ->
                let spec = md.GetTypeSpecification(TypeSpecificationHandle.op_Explicit handle)

                collect (fun c -> spec.DecodeSignature(c, 0) |> ignore)
                |> Seq.iter (add from "")
            | HandleKind.MemberReference ->
                let m = md.GetMemberReference(MemberReferenceHandle.op_Explicit handle)
                let name = md.GetString m.Name

                match m.Parent.Kind with
                | HandleKind.TypeSpecification ->
                    let spec = md.GetTypeSpecification(TypeSpecificationHandle.op_Explicit m.Parent)

                    collect (fun c -> spec.DecodeSignature(c, 0) |> ignore)
                    |> Seq.iter (add from name)
                | _ -> add from name m.Parent
            | HandleKind.MethodSpecification ->
                let spec = md.GetMethodSpecification(MethodSpecificationHandle.op_Explicit handle)
                visit from spec.Method

                collect (fun c -> spec.DecodeSignature(c, 0) |> ignore)
                |> Seq.iter (add from "")
            | HandleKind.MethodDefinition ->
                let m = md.GetMethodDefinition(MethodDefinitionHandle.op_Explicit handle)
                add from (md.GetString m.Name) (TypeDefinitionHandle.op_Implicit (m.GetDeclaringType()))
            | HandleKind.FieldDefinition ->
                let f = md.GetFieldDefinition(FieldDefinitionHandle.op_Explicit handle)
                add from (md.GetString f.Name) (TypeDefinitionHandle.op_Implicit (f.GetDeclaringType()))
            | _ -> ()

    for handle in md.TypeDefinitions do
        let t = md.GetTypeDefinition handle
        let from, _ = ownName handle
        visit from t.BaseType

        for i in t.GetInterfaceImplementations() do
            visit from (md.GetInterfaceImplementation i).Interface

        for f in t.GetFields() do
            let field = md.GetFieldDefinition f

            collect (fun c -> field.DecodeSignature(c, 0) |> ignore)
            |> Seq.iter (add from "")

        for h in t.GetMethods() do
            let m = md.GetMethodDefinition h
            collect (fun c -> m.DecodeSignature(c, 0) |> ignore) |> Seq.iter (add from "")

            if m.RelativeVirtualAddress <> 0 then
                let body = pe.GetMethodBody m.RelativeVirtualAddress

                if not body.LocalSignature.IsNil then
                    let locals = md.GetStandaloneSignature body.LocalSignature

                    collect (fun c -> locals.DecodeLocalSignature(c, 0) |> ignore)
                    |> Seq.iter (add from "")

                match body.GetILBytes() with
                | null -> ()
                | il ->
                    for token in tokens il do
                        visit from (Ecma335.MetadataTokens.EntityHandle token)

    Seq.toArray result
