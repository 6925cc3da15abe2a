using System.Collections;
using System.Reflection;
using System.Text.RegularExpressions;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Sqlite;
using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables;

namespace Matrix.Host.Tests.Architecture;

/// <summary>
/// The tables from which each kind of change deletes rows, or whose rows it updates. Found by the statements that the
/// kind's handlers name in their compiled code.
/// </summary>
internal static partial class ChangedTables
{
    private const BindingFlags Fields =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance;

    /// <summary>All kinds of changes, each with its tables.</summary>
    public static IReadOnlyDictionary<Type, IReadOnlySet<string>> ByKind { get; } = Read();

    [GeneratedRegex(@"\b(?:DELETE\s+FROM|UPDATE)\s+(\w+)|\bINSERT\s+INTO\s+(\w+)[^;]*?\bDO\s+UPDATE\b")]
    private static partial Regex Changed();

    private static Dictionary<Type, IReadOnlySet<string>> Read()
    {
        var handlers = StorageTables.Handlers(new(SqliteEventInsert.Insert, SqliteKeyClaims.Claim));
        var building = (IDictionary)typeof(WriteHandlers).GetField("_building", Fields)!.GetValue(handlers)!;
        return handlers.Kinds.ToDictionary(
            kind => kind,
            kind => (IReadOnlySet<string>)StatementsOf(building[kind]!).SelectMany(TablesOf).ToHashSet());
    }

    private static IEnumerable<string> TablesOf(Statement statement) =>
        new[] { statement.Sqlite, statement.Postgres, statement.PostgresRows ?? "" }
            .SelectMany(text => Changed().Matches(text))
            .Select(match => match.Groups[1].Success ? match.Groups[1].Value : match.Groups[2].Value)
            .Where(table => table != "SET");

    /// <summary>The statements that a value holds, or that the code of a handler names.</summary>
    private static HashSet<Statement> StatementsOf(object handler)
    {
        var (found, seen) = (new HashSet<Statement>(), new HashSet<object>(ReferenceEqualityComparer.Instance));
        Visit(handler);
        return found;

        void Visit(object? value)
        {
            switch (value)
            {
                case null or string:
                    break;
                case Statement statement:
                    found.Add(statement);
                    break;
                case Delegate several when several.GetInvocationList().Length > 1:
                    foreach (var each in several.GetInvocationList()) Visit(each);
                    break;
                case Delegate one:
                    if (one.Target is { } closure && seen.Add(closure)) VisitFields(closure);
                    VisitCode(one.Method);
                    break;
                case IEnumerable many:
                    if (!seen.Add(many)) break;
                    foreach (var each in many) Visit(each);
                    break;
                default:
                    if (value.GetType().IsPrimitive || value.GetType().IsEnum || !seen.Add(value)) break;
                    VisitFields(value);
                    break;
            }
        }

        void VisitFields(object value)
        {
            foreach (var field in value.GetType().GetFields(Fields))
            {
                if (!field.IsStatic) Visit(field.GetValue(value));
            }
        }

        // Delegates that the compiler keeps in static fields are reached by the code that makes them.
        void VisitCode(MethodBase method)
        {
            if (method.Module != typeof(Change).Module || !seen.Add(method)) return;
            foreach (var (_, member) in MethodCode.MembersOf(method))
            {
                if (member is FieldInfo { IsStatic: true } field && !field.FieldType.IsSubclassOf(typeof(Delegate)))
                {
                    if (field.DeclaringType!.Module == typeof(Change).Module) Visit(field.GetValue(null));
                }
                else if (member is MethodInfo { IsStatic: true } called)
                {
                    VisitCode(called);
                }
            }
        }
    }
}
