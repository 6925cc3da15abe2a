using System.Reflection;
using Matrix.Host.Storage.Tables.Accounts;

namespace Matrix.Host.Tests.Accounts;

/// <summary>Accounts that run a callback after each read with such a result.</summary>
public class AfterReads<T> : DispatchProxy
{
    private IAccountsTable _table = null!;
    private Func<Task> _happens = null!;

    internal static IAccountsTable Of(IAccountsTable table, Func<Task> happens)
    {
        var proxy = Create<IAccountsTable, AfterReads<T>>();
        var self = (AfterReads<T>)(object)proxy;
        (self._table, self._happens) = (table, happens);
        return proxy;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        var answer = targetMethod!.Invoke(_table, args);
        return answer is ValueTask<T> reading ? new ValueTask<T>(ReadAsync(reading)) : answer;
    }

    private async Task<T> ReadAsync(ValueTask<T> reading)
    {
        var read = await reading;
        await _happens();
        return read;
    }
}
