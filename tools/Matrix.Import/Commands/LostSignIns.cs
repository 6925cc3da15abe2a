using Matrix.Import.Checking;
using Matrix.Import.Runs;

namespace Matrix.Import.Commands;

/// <summary>Users who could not sign in any more: the operator has to know of them before the import.</summary>
internal static class LostSignIns
{
    /// <summary>The name that accepts them.</summary>
    internal const string Name = "lost-sign-ins";

    private const int Shown = 5;

    /// <summary>Goes on if there are none, they are accepted, or it is a rehearsal.</summary>
    /// <exception cref="ImportException">There are some.</exception>
    public static async Task NeedAcceptedAsync(
        SignInCheck check, ImportChoices choices, IImportLog log, CancellationToken stop)
    {
        var (count, shown) = (0L, new List<string>());
        await foreach (var user in check.LockedOutAsync(stop))
        {
            if (count++ < Shown) shown.Add($"  {user.UserId} ({user.Ways})");
        }

        if (count == 0)
        {
            if (choices.Accepted.Contains(Name)) log.Say($"--accept {Name}: nothing needs it.");
            return;
        }

        if (count > Shown) shown.Add($"  and {count - Shown} more");
        var users = count == 1 ? "A user" : $"{count} users";
        var text = $"{users} could not sign in any more, until an administrator sets a password:\n"
            + string.Join('\n', shown);
        if (!choices.IsRehearsal && !choices.Accepted.Contains(Name))
        {
            throw new ImportException($"{text}\n--check lists all of them. Accept it by --accept {Name}");
        }

        foreach (var line in text.Split('\n')) log.Say(line);
    }
}
