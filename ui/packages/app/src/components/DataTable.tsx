import { type Direction, type Facts, meets, type Sort, type SortValue, sortRows } from "@katydid/core";
import { useVirtualizer } from "@tanstack/react-virtual";
import { DropdownMenu } from "radix-ui";
import { type ReactNode, useRef, useState } from "react";
import { useView } from "../live/hooks";
import { useQuery } from "../route";
import { store, stored } from "../storage";
import styles from "./DataTable.module.css";
import { EmptyState } from "./EmptyState";
import { Icon } from "./Icon";
import { useMedia } from "./useMedia";

/** One column: what it holds, how it sorts and how it is written. */
export interface Column<T> {
  key: string;
  label: string;
  unit?: string;
  title?: string;
  /** Numbers stand right and sort from the largest first. */
  numeric: boolean;
  value: (row: T) => SortValue;
  cell: (row: T) => ReactNode;
  /** Whether phones show it; the rest have no room. */
  narrow?: boolean;
  /** Takes the width the other columns leave. */
  wide?: boolean;
  /** Shown only to those who choose it. */
  optional?: boolean;
}

const NO_FACTS = () => ({});

/** Up to so many rows all are in the page; more are drawn as they scroll into view. */
const VIRTUAL_FROM = 200;

/** The order of live rows is looked at anew this often, in ms, so that rows do not jump about. */
const ORDER_MS = 5_000;

/** A live table: sorted by its header, filtered by a box, with its total in sight. */
export function DataTable<T>({
  name,
  noun,
  columns: allColumns,
  choosable = false,
  rows,
  total,
  rowKey,
  rowText,
  rowFacts = NO_FACTS,
  placeholder,
  initial,
}: {
  name: string;
  noun: string;
  columns: readonly Column<T>[];
  /** Whether the reader may choose which columns are shown. */
  choosable?: boolean;
  rows: readonly T[];
  total?: T | null;
  rowKey: (row: T) => string;
  /** What the filter looks at. */
  rowText: (row: T) => string;
  /** What comparisons in the filter look at; one function for the life of the table. */
  rowFacts?: (row: T) => Facts;
  /** What can be typed into the filter. */
  placeholder?: string;
  initial: Sort;
}) {
  const [hidden, toggle] = useHidden(name, allColumns);
  const columns = allColumns.filter(({ key }) => !hidden.has(key));
  const [filter, setFilter] = useQuery("q", "");
  const [sortText, setSortText] = useQuery("sort", writeSort(initial));
  const sort = readSort(sortText, columns) ?? initial;
  const [held, setHeld] = useState(false);
  const { shown, isHeld } = useOrder({ rows, columns, sort, filter, held, rowKey, rowText, rowFacts });
  const phone = useMedia("(max-width: 767px)");
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = shown.length > VIRTUAL_FROM;
  const rowHeight = phone ? 72 : 37;
  const virtualizer = useVirtualizer({
    count: virtual ? shown.length : 0,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 10,
    useFlushSync: false,
  });
  const items = virtualizer.getVirtualItems();
  const first = virtual ? (items[0]?.index ?? 0) : 0;
  const last = virtual ? (items.at(-1)?.index ?? 0) : shown.length - 1;
  const above = virtual ? (items[0]?.start ?? 0) : 0;
  const below = virtual ? virtualizer.getTotalSize() - (items.at(-1)?.end ?? 0) : 0;

  return (
    <>
      <div className={styles.tools}>
        <label className={styles.filter}>
          <Icon name="search" size={16} />
          <span className="visually-hidden">Filter {noun}s</span>
          <input
            type="search"
            placeholder={placeholder ?? `Filter ${noun}s`}
            value={filter}
            autoComplete="off"
            spellCheck={false}
            onChange={({ target }) => setFilter(target.value)}
            onKeyDown={(event) => event.key === "Escape" && setFilter("")}
          />
          <kbd aria-hidden="true">/</kbd>
        </label>
        <p className={styles.count}>
          {filter === ""
            ? `${rows.length} ${noun}${rows.length === 1 ? "" : "s"}`
            : `${shown.length} of ${rows.length}`}
        </p>
        {choosable && <Chooser columns={allColumns} hidden={hidden} onToggle={toggle} />}
        {isHeld && <p className={styles.held}>Order held while you point at a row</p>}
      </div>
      {shown.length === 0 ? (
        <EmptyState title={`0 of ${rows.length} ${noun}s match “${filter}”`}>
          <button type="button" className={styles.clear} onClick={() => setFilter("")}>
            Clear the filter
          </button>
        </EmptyState>
      ) : (
        <section
          ref={scroller}
          className={styles.scroll}
          data-virtual={virtual || undefined}
          tabIndex={0}
          aria-label={name}
        >
          <table aria-rowcount={shown.length + 1 + (total ? 1 : 0)}>
            <thead>
              <tr aria-rowindex={1}>
                {columns.map((column) => (
                  <Header
                    key={column.key}
                    column={column}
                    sort={sort}
                    onSort={(next) => setSortText(writeSort(next))}
                  />
                ))}
              </tr>
            </thead>
            <tbody
              onPointerEnter={() => setHeld(true)}
              onPointerLeave={() => setHeld(false)}
              onFocus={() => setHeld(true)}
              onBlur={() => setHeld(false)}
            >
              <Spacer height={above} span={columns.length} />
              {shown.slice(first, last + 1).map((row, offset) => (
                <tr
                  key={rowKey(row)}
                  ref={virtual ? virtualizer.measureElement : undefined}
                  data-index={first + offset}
                  aria-rowindex={first + offset + 2}
                >
                  <Cells columns={columns} row={row} />
                </tr>
              ))}
              <Spacer height={below} span={columns.length} />
            </tbody>
            {total && (
              <tfoot>
                <tr aria-rowindex={shown.length + 2}>
                  <Cells columns={columns} row={total} />
                </tr>
              </tfoot>
            )}
          </table>
        </section>
      )}
    </>
  );
}

/** The menu of columns. */
function Chooser<T>({
  columns,
  hidden,
  onToggle,
}: {
  columns: readonly Column<T>[];
  hidden: ReadonlySet<string>;
  onToggle: (key: string) => void;
}) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger className={styles.chooser}>
        <Icon name="table" size={15} />
        Columns
      </DropdownMenu.Trigger>
      <DropdownMenu.Content className={styles.menu} align="end" sideOffset={6} collisionPadding={8}>
        {columns
          .filter(({ wide }) => wide !== true)
          .map(({ key, label, unit }) => (
            <DropdownMenu.CheckboxItem
              key={key}
              checked={!hidden.has(key)}
              onCheckedChange={() => onToggle(key)}
              // The menu stays for the next one.
              onSelect={(event) => event.preventDefault()}
            >
              <span className={styles.check}>
                <DropdownMenu.ItemIndicator>
                  <Icon name="check" size={14} />
                </DropdownMenu.ItemIndicator>
              </span>
              {label} {unit}
            </DropdownMenu.CheckboxItem>
          ))}
      </DropdownMenu.Content>
    </DropdownMenu.Root>
  );
}

/** The columns that are not shown, as this browser remembers them. */
function useHidden<T>(
  name: string,
  columns: readonly Column<T>[],
): [ReadonlySet<string>, (key: string) => void] {
  const place = `katydid.columns.${name}`;
  const [chosen, setChosen] = useState(() => stored(place));
  const standard = columns.filter(({ optional }) => optional).map(({ key }) => key);
  const hidden = new Set(chosen === null ? standard : chosen.split(" "));
  const toggle = (key: string) => {
    const next = new Set(hidden);
    if (!next.delete(key)) next.add(key);
    const text = [...next].join(" ");
    store(place, text);
    setChosen(text);
  };
  return [hidden, toggle];
}

function Header<T>({
  column: { key, label, unit, title, numeric, narrow, wide },
  sort,
  onSort,
}: {
  column: Column<T>;
  sort: Sort;
  onSort: (sort: Sort) => void;
}) {
  const sorted = sort.key === key;
  const firstDirection: Direction = numeric ? "descending" : "ascending";
  const other: Direction = sort.direction === "ascending" ? "descending" : "ascending";
  return (
    <th
      scope="col"
      data-column={key}
      data-numeric={numeric || undefined}
      data-narrow={narrow || undefined}
      data-wide={wide || undefined}
      aria-sort={sorted ? sort.direction : undefined}
    >
      <button
        type="button"
        title={title}
        onClick={() => onSort({ key, direction: sorted ? other : firstDirection })}
      >
        <span className={styles.label}>
          {label}
          {unit !== undefined && <span className={styles.unit}> {unit}</span>}
          <span className={styles.arrow} aria-hidden="true">
            {sorted ? (sort.direction === "ascending" ? "▲" : "▼") : ""}
          </span>
        </span>
      </button>
    </th>
  );
}

function Cells<T>({ columns, row }: { columns: readonly Column<T>[]; row: T }) {
  return columns.map((column) => {
    const marks = {
      "data-column": column.key,
      "data-label": column.label,
      "data-numeric": column.numeric || undefined,
      "data-narrow": column.narrow || undefined,
      "data-wide": column.wide || undefined,
    };
    const content = column.cell(row);
    return column.wide ? (
      <th key={column.key} scope="row" {...marks}>
        {content}
      </th>
    ) : (
      <td key={column.key} {...marks}>
        {content}
      </td>
    );
  });
}

/** Stands for the rows above or below those in the page. */
function Spacer({ height, span }: { height: number; span: number }) {
  if (height <= 0) return null;
  return (
    <tr className={styles.spacer}>
      <td colSpan={span} style={{ height }} />
    </tr>
  );
}

/**
 * The rows in the order to show. A change of sort, filter or number of rows takes effect at once; a
 * change of values only every few seconds, and not while someone points at a row.
 */
function useOrder<T>({
  rows,
  columns,
  sort,
  filter,
  held,
  rowKey,
  rowText,
  rowFacts,
}: {
  rows: readonly T[];
  columns: readonly Column<T>[];
  sort: Sort;
  filter: string;
  held: boolean;
  rowKey: (row: T) => string;
  rowText: (row: T) => string;
  rowFacts: (row: T) => Facts;
}): { shown: T[]; isHeld: boolean } {
  const slot = useView((view) => Math.floor((view.link.heardAt ?? 0) / ORDER_MS));
  const wish = `${sort.key} ${sort.direction} ${rows.length} ${filter}`;
  const [order, setOrder] = useState<{ wish: string; slot: number; keys: string[] } | null>(null);
  let current = order;
  if (current === null || current.wish !== wish || (current.slot !== slot && !held)) {
    const value = columns.find(({ key }) => key === sort.key)?.value ?? (() => null);
    const matching = rows.filter((row) => meets(rowText(row), rowFacts(row), filter));
    current = { wish, slot, keys: sortRows(matching, value, sort.direction).map(rowKey) };
    setOrder(current);
  }
  const byKey = new Map(rows.map((row) => [rowKey(row), row]));
  const shown = current.keys.flatMap((key) => byKey.get(key) ?? []);
  return { shown, isHeld: held && current.slot !== slot };
}

function writeSort({ key, direction }: Sort): string {
  return `${key}.${direction === "ascending" ? "asc" : "desc"}`;
}

function readSort<T>(text: string, columns: readonly Column<T>[]): Sort | null {
  const [key = "", direction] = text.split(".");
  if (!columns.some((column) => column.key === key)) return null;
  return { key, direction: direction === "asc" ? "ascending" : "descending" };
}
