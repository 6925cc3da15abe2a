using System.Reflection;
using System.Reflection.Emit;

namespace Matrix.Host.Tests.Architecture;

/// <summary>Reads the compiled code of methods: which types, fields and methods it names.</summary>
internal static class MethodCode
{
    private const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static
        | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<short, OpCode> _codes = typeof(OpCodes)
        .GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => field.GetValue(null)).OfType<OpCode>().ToDictionary(code => code.Value);

    /// <summary>What the code of a method names, in order.</summary>
    public static IEnumerable<(OpCode Code, MemberInfo Member)> MembersOf(MethodBase method)
    {
        var bytes = method.GetMethodBody()?.GetILAsByteArray() ?? [];
        Type[]? ofType = method.DeclaringType is { IsGenericType: true } type ? type.GetGenericArguments() : null;
        Type[]? ofMethod = method.IsGenericMethod ? method.GetGenericArguments() : null;
        for (var at = 0; at < bytes.Length;)
        {
            short value = bytes[at++];
            if (value == 0xFE) value = (short)(0xFE00 | bytes[at++]);
            var code = _codes[value];
            if (code.OperandType is OperandType.InlineField or OperandType.InlineMethod or OperandType.InlineType
                or OperandType.InlineTok)
            {
                yield return (
                    code, method.Module.ResolveMember(BitConverter.ToInt32(bytes, at), ofType, ofMethod)!);
            }

            at += code.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(bytes, at)),
                _ => 4,
            };
        }
    }

    /// <summary>The methods of a type, of its base types in the host, and of the types inside it.</summary>
    public static IEnumerable<MethodBase> MethodsOf(Type type)
    {
        for (var each = type; each?.Namespace?.StartsWith("Matrix.Host", StringComparison.Ordinal) == true;
            each = each.BaseType)
        {
            foreach (var method in each.GetMethods(All)) yield return method;
            foreach (var method in each.GetNestedTypes(All).SelectMany(MethodsOf)) yield return method;
        }
    }
}
