using System.Collections.Immutable;
using System.Reflection;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using Matrix.Processes;

namespace Matrix.Cli.Tests.Architecture;

/// <summary>A use of a type or of a member of it ("" for the type itself), from a namespace of the assembly.</summary>
/// <param name="Assembly">The assembly of the type; "" for the own one.</param>
internal sealed record Use(string From, string Assembly, string Namespace, string Type, string Member)
{
    public override string ToString() => $"{From} uses {Namespace}.{Type}{(Member == "" ? "" : "." + Member)}";
}

/// <summary>What a compiled assembly refers to: its types' metadata and the code of its methods.</summary>
internal sealed class CompiledAssembly : IDisposable
{
    private static readonly Dictionary<short, OpCode> _codes = typeof(OpCodes)
        .GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => field.GetValue(null)).OfType<OpCode>().ToDictionary(code => code.Value);

    private readonly PEReader _file;
    private readonly MetadataReader _metadata;
    private readonly HashSet<Use> _uses = [];

    private CompiledAssembly(string path)
    {
        _file = new PEReader(File.OpenRead(path));
        _metadata = _file.GetMetadataReader();
        foreach (var handle in _metadata.TypeDefinitions) ReadType(handle);
    }

    /// <summary>The built assemblies of `rules`, `core`, `host` and `tools`, by the names of their projects.</summary>
    public static IReadOnlyDictionary<string, string> Built { get; } = FindBuilt();

    /// <summary>Every use of a type or a member, each once.</summary>
    public static IReadOnlyCollection<Use> UsesOf(string project)
    {
        using var assembly = new CompiledAssembly(Built[project]);
        return assembly._uses;
    }

    /// <summary>The system's libraries that an assembly calls.</summary>
    public static IReadOnlyList<string> NativeLibrariesOf(string project)
    {
        using var assembly = new CompiledAssembly(Built[project]);
        var metadata = assembly._metadata;
        var handles = Enumerable.Range(1, metadata.GetTableRowCount(TableIndex.ModuleRef))
            .Select(MetadataTokens.ModuleReferenceHandle);
        return [.. handles.Select(handle => metadata.GetString(metadata.GetModuleReference(handle).Name))];
    }

    public void Dispose() => _file.Dispose();

    private static Dictionary<string, string> FindBuilt()
    {
        var configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        var cli = Path.GetDirectoryName(Command.Tool)!;
        var loadGen = Path.Combine(Repository.Root, "tools", "Matrix.LoadGen", "bin", configuration, "net10.0");
        var others = new Dictionary<string, string>
        {
            ["Matrix.Cli"] = Command.Tool,
            ["Matrix.Host"] = Path.Combine(cli, "matrix-host.dll"),
            ["Matrix.LoadGen"] = Path.Combine(loadGen, "matrix-loadgen.dll"),
        };
        foreach (var path in Directory.GetFiles(cli, "Matrix.*.dll"))
        {
            others.Add(Path.GetFileNameWithoutExtension(path), path);
        }

        return others;
    }

    private void ReadType(TypeDefinitionHandle handle)
    {
        var type = _metadata.GetTypeDefinition(handle);
        var from = OwnName(handle).Namespace;
        Visit(from, type.BaseType);
        foreach (var implemented in type.GetInterfaceImplementations())
        {
            Visit(from, _metadata.GetInterfaceImplementation(implemented).Interface);
        }

        foreach (var field in type.GetFields())
        {
            AddAll(from, "", found => _metadata.GetFieldDefinition(field).DecodeSignature(found, 0));
        }

        foreach (var attribute in type.GetCustomAttributes())
        {
            Visit(from, _metadata.GetCustomAttribute(attribute).Constructor);
        }

        foreach (var method in type.GetMethods()) ReadMethod(from, _metadata.GetMethodDefinition(method));
    }

    private void ReadMethod(string from, MethodDefinition method)
    {
        AddAll(from, "", found => method.DecodeSignature(found, 0));

        // A record prints all of its properties, so that these would all look used.
        if (method.RelativeVirtualAddress == 0 || _metadata.GetString(method.Name) == "PrintMembers") return;
        var body = _file.GetMethodBody(method.RelativeVirtualAddress);
        if (!body.LocalSignature.IsNil)
        {
            var locals = _metadata.GetStandaloneSignature(body.LocalSignature);
            AddAll(from, "", found => locals.DecodeLocalSignature(found, 0));
        }

        foreach (var token in Tokens(body.GetILBytes() ?? [])) Visit(from, MetadataTokens.EntityHandle(token));
    }

    /// <summary>The tokens that a method's code names.</summary>
    private static IEnumerable<int> Tokens(byte[] code)
    {
        for (var at = 0; at < code.Length;)
        {
            var isLong = code[at] == 0xFE;
            var operation = _codes[isLong ? unchecked((short)(0xFE00 | code[at + 1])) : code[at]];
            at += isLong ? 2 : 1;
            switch (operation.OperandType)
            {
                case OperandType.InlineField or OperandType.InlineMethod
                    or OperandType.InlineTok or OperandType.InlineType:
                    yield return BitConverter.ToInt32(code, at);
                    at += 4;
                    break;
                case OperandType.InlineNone: break;
                case OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar:
                    at += 1;
                    break;
                case OperandType.InlineVar: at += 2; break;
                case OperandType.InlineI8 or OperandType.InlineR: at += 8; break;
                case OperandType.InlineSwitch: at += 4 + 4 * BitConverter.ToInt32(code, at); break;
                default: at += 4; break;
            }
        }
    }

    private void Visit(string from, EntityHandle handle)
    {
        if (handle.IsNil) return;
        switch (handle.Kind)
        {
            case HandleKind.TypeDefinition or HandleKind.TypeReference:
                Add(from, "", handle);
                break;
            case HandleKind.TypeSpecification:
                var specification = _metadata.GetTypeSpecification((TypeSpecificationHandle)handle);
                AddAll(from, "", found => specification.DecodeSignature(found, 0));
                break;
            case HandleKind.MemberReference:
                var member = _metadata.GetMemberReference((MemberReferenceHandle)handle);
                var name = _metadata.GetString(member.Name);
                if (member.Parent.Kind == HandleKind.TypeSpecification)
                {
                    var parent = _metadata.GetTypeSpecification((TypeSpecificationHandle)member.Parent);
                    AddAll(from, name, found => parent.DecodeSignature(found, 0));
                }
                else
                {
                    Add(from, name, member.Parent);
                }

                break;
            case HandleKind.MethodSpecification:
                var generic = _metadata.GetMethodSpecification((MethodSpecificationHandle)handle);
                Visit(from, generic.Method);
                AddAll(from, "", found => generic.DecodeSignature(found, 0));
                break;
            case HandleKind.MethodDefinition:
                var method = _metadata.GetMethodDefinition((MethodDefinitionHandle)handle);
                Add(from, _metadata.GetString(method.Name), method.GetDeclaringType());
                break;
            case HandleKind.FieldDefinition:
                var field = _metadata.GetFieldDefinition((FieldDefinitionHandle)handle);
                Add(from, _metadata.GetString(field.Name), field.GetDeclaringType());
                break;
        }
    }

    private void AddAll(string from, string member, Action<Collector> decode)
    {
        var found = new Collector();
        decode(found);
        foreach (var handle in found.Types) Add(from, member, handle);
    }

    private void Add(string from, string member, EntityHandle handle)
    {
        if (handle.Kind == HandleKind.TypeDefinition)
        {
            var (space, name) = OwnName((TypeDefinitionHandle)handle);
            _uses.Add(new Use(from, "", space, name, member));
        }
        else if (handle.Kind == HandleKind.TypeReference)
        {
            var (assembly, space, name) = OtherName((TypeReferenceHandle)handle);
            _uses.Add(new Use(from, assembly, space, name, member));
        }
    }

    private (string Namespace, string Name) OwnName(TypeDefinitionHandle handle)
    {
        var type = _metadata.GetTypeDefinition(handle);
        if (type.GetDeclaringType() is { IsNil: false } outer)
        {
            var (space, name) = OwnName(outer);
            return (space, $"{name}+{_metadata.GetString(type.Name)}");
        }

        return (_metadata.GetString(type.Namespace), _metadata.GetString(type.Name));
    }

    private (string Assembly, string Namespace, string Name) OtherName(TypeReferenceHandle handle)
    {
        var type = _metadata.GetTypeReference(handle);
        var own = _metadata.GetString(type.Name);
        switch (type.ResolutionScope.Kind)
        {
            case HandleKind.TypeReference:
                var (assembly, space, outer) = OtherName((TypeReferenceHandle)type.ResolutionScope);
                return (assembly, space, $"{outer}+{own}");
            case HandleKind.AssemblyReference:
                var reference = _metadata.GetAssemblyReference((AssemblyReferenceHandle)type.ResolutionScope);
                return (_metadata.GetString(reference.Name), _metadata.GetString(type.Namespace), own);
            default:
                return ("", _metadata.GetString(type.Namespace), own);
        }
    }

    /// <summary>Collects the named types of a signature.</summary>
    private sealed class Collector : ISignatureTypeProvider<int, int>
    {
        public List<EntityHandle> Types { get; } = [];

        public int GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind) =>
            Take(handle);

        public int GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind) =>
            Take(handle);

        public int GetTypeFromSpecification(
            MetadataReader reader, int genericContext, TypeSpecificationHandle handle, byte rawTypeKind) =>
            reader.GetTypeSpecification(handle).DecodeSignature(this, 0);

        public int GetArrayType(int elementType, ArrayShape shape) => 0;
        public int GetByReferenceType(int elementType) => 0;
        public int GetFunctionPointerType(MethodSignature<int> signature) => 0;
        public int GetGenericInstantiation(int genericType, ImmutableArray<int> typeArguments) => 0;
        public int GetGenericMethodParameter(int genericContext, int index) => 0;
        public int GetGenericTypeParameter(int genericContext, int index) => 0;
        public int GetModifiedType(int modifier, int unmodifiedType, bool isRequired) => 0;
        public int GetPinnedType(int elementType) => 0;
        public int GetPointerType(int elementType) => 0;
        public int GetPrimitiveType(PrimitiveTypeCode typeCode) => 0;
        public int GetSZArrayType(int elementType) => 0;

        private int Take(EntityHandle handle)
        {
            Types.Add(handle);
            return 0;
        }
    }
}
